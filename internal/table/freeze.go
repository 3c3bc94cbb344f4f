package table

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// EncodeError is the failure to encode a value at a commit.
type EncodeError struct {
	Table  string
	Key    string
	Input  int   // the record that set it: the number of its input
	Offset int64 // and its offset there
	Err    error
}

func (e *EncodeError) Error() string {
	return fmt.Sprintf("table %s, key %q: encode: %v", e.Table, e.Key, e.Err)
}

func (e *EncodeError) Unwrap() error { return e.Err }

type frozenEntry[V any] struct {
	e   *entry[V]
	enc []byte // nil: deleted
}

// frozen is a generation that has ended. What it set is encoded part by part, with
// records of the next generation in between: the entries that those set again
// are encoded before.
type frozen[V any] struct {
	gen   uint64
	dirty []*entry[V]
	done  int             // how many of them are encoded
	early map[int32]early // encoded before their turn, by slot

	parts [][]frozenEntry[V]
	size  int64
}

// early is what was encoded before its turn.
type early struct {
	enc []byte
	at  time.Time
	err error
}

func (f *frozen[V]) Len() int { return len(f.dirty) }

// Freeze implements State.
func (t *Table[V]) Freeze() Frozen {
	f := &frozen[V]{gen: t.gen, dirty: t.dirty}
	t.frozen = f
	t.dirty, t.spare, t.mark = t.spare, nil, 0
	t.gen++
	return f
}

// keep encodes an entry that is about to be set if its turn is still to come.
func (f *frozen[V]) keep(t *Table[V], e *entry[V]) {
	i := int(e.slot)
	if i < f.done || i >= len(f.dirty) || f.dirty[i] != e {
		return
	}
	if _, ok := f.early[e.slot]; ok { // a record that set it was undone
		return
	}
	if f.early == nil {
		f.early = map[int32]early{}
	}
	_, enc, err := t.encodeEntry(nil, e)
	f.early[e.slot] = early{enc, e.at, err}
}

// Encode implements State.
func (t *Table[V]) Encode(fz Frozen, n int, emit func(key, value []byte, at time.Time)) (more bool, err error) {
	f := fz.(*frozen[V])
	dirty := f.dirty[f.done:min(f.done+n, len(f.dirty))]
	hint := 0
	for _, e := range dirty {
		hint += int(e.size)
	}
	arena := make([]byte, 0, hint+hint/4+64)
	part, ats := make([]frozenEntry[V], len(dirty)), make([]time.Time, len(dirty))
	for i, e := range dirty {
		x, ok := f.early[int32(f.done+i)]
		if !ok {
			x.at = e.at
			arena, x.enc, x.err = t.encodeEntry(arena, e)
		}
		if x.err != nil {
			return false, x.err
		}
		part[i], ats[i] = frozenEntry[V]{e, x.enc}, x.at
	}
	for i, x := range part {
		x.e.pins++
		x.e.size = int32(len(x.enc))
		f.size += int64(len(x.e.key)+len(x.enc)) + 1 // deleting the empty key waits, too
		emit(x.e.key, x.enc, ats[i])
	}
	if len(part) > 0 {
		f.parts = append(f.parts, part)
	}
	if f.done += len(part); f.done < len(f.dirty) {
		return true, nil
	}
	clear(f.dirty)
	t.frozen, t.encoded, t.spare = nil, f.gen, f.dirty[:0]
	return false, nil
}

// encodeEntry appends the encoding of an entry's value to an arena. An append that
// grows the arena leaves the older encodings in the older array, which is just as
// well.
func (t *Table[V]) encodeEntry(arena []byte, e *entry[V]) (_, enc []byte, err error) {
	if !e.has {
		return arena, nil, nil
	}
	n := len(arena)
	if arena, err = t.encode(arena, e.val); err != nil {
		return arena, nil, &EncodeError{t.o.Name, string(e.key), int(e.from.input), e.from.offset, err}
	}
	if enc = arena[n:len(arena):len(arena)]; enc == nil {
		enc = []byte{}
	}
	return arena, enc, nil
}

// encode calls the user's codec, whose panic must fail the commit, not the
// process.
func (t *Table[V]) encode(dst []byte, v V) (b []byte, err error) {
	defer func() {
		if x := recover(); x != nil {
			b, err = dst, fmt.Errorf("codec panicked: %v\n%s", x, debug.Stack())
		}
	}()
	b, err = t.codec.Append(dst, v)
	if err == nil && len(b) < len(dst) {
		return dst, fmt.Errorf("codec returned %d bytes for an append to %d", len(b), len(dst))
	}
	return b, err
}

// Committed implements State.
func (t *Table[V]) Committed(fz Frozen, next int64) {
	f := fz.(*frozen[V])
	t.queuedSize += f.size
	t.queued = append(t.queued, f.parts...)
	if next >= 0 {
		t.next = next
	}
}

// Queued implements State.
func (t *Table[V]) Queued() int64 { return t.queuedSize }

// Write implements State. The batch is written outside the lock; the entries
// are pinned meanwhile, so reads find them.
func (t *Table[V]) Write() error {
	t.o.Lock.Lock()
	q, next := t.queued, t.next
	t.queued, t.queuedSize, t.next = nil, 0, -1
	t.o.Lock.Unlock()
	if len(q) == 0 && next < 0 {
		return nil
	}
	// The newest write of a key is the last of its run: the sort is stable.
	order := slices.Concat(q...)
	slices.SortStableFunc(order, func(a, b frozenEntry[V]) int { return bytes.Compare(a.e.key, b.e.key) })
	if t.batch == nil {
		t.batch = t.o.Store.NewBatch()
	}
	b := t.batch
	defer b.Reset()
	for i, x := range order {
		if i+1 < len(order) && order[i+1].e == x.e {
			continue
		}
		if x.enc == nil {
			b.Delete(x.e.key)
		} else {
			b.Put(x.e.key, x.enc)
		}
	}
	if next >= 0 {
		b.SetOffset(next)
	}
	if err := t.o.Store.Apply(b); err != nil {
		return fmt.Errorf("table %s: %w", t.o.Name, err)
	}
	for part := range slices.Chunk(order, settled) {
		t.o.Lock.Lock()
		for _, x := range part {
			x.e.pins--
		}
		t.o.Lock.Unlock()
	}
	t.settle()
	return nil
}

// settled is how many entries are settled at a time: some hundred microseconds.
const settled = 2048

// settle takes the entries that the store has now out of the unsaved ones. That is
// a few at a time, so that no record waits for it; in between what was taken out is
// nil in the list.
func (t *Table[V]) settle() {
	t.o.Lock.Lock()
	n := len(t.unsaved)
	t.o.Lock.Unlock()
	for i := 0; i < n; i += settled {
		t.o.Lock.Lock()
		for j, e := range t.unsaved[i:min(i+settled, n)] {
			if e.pins == 0 && e.gen <= t.encoded {
				t.unsaved[i+j] = nil
				t.dropUnsaved(e)
			}
		}
		t.evict()
		t.o.Lock.Unlock()
	}
	t.o.Lock.Lock()
	defer t.o.Lock.Unlock()
	t.unsaved = slices.DeleteFunc(t.unsaved, func(e *entry[V]) bool { return e == nil })
	t.evict()
}

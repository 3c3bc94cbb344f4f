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

type frozen[V any] []frozenEntry[V]

func (f frozen[V]) Len() int { return len(f) }

// Freeze implements State.
func (t *Table[V]) Freeze(emit func(key, value []byte, at time.Time)) (Frozen, error) {
	if len(t.dirty) == 0 {
		return frozen[V](nil), nil
	}
	f := make(frozen[V], len(t.dirty))
	hint := 0
	for _, e := range t.dirty {
		hint += int(e.size)
	}
	arena := make([]byte, 0, hint+hint/4+64)
	for i, e := range t.dirty {
		var enc []byte
		if e.has {
			var err error
			n := len(arena)
			if arena, err = t.encode(arena, e.val); err != nil {
				return nil, &EncodeError{t.o.Name, string(e.key), int(e.from.input), e.from.offset, err}
			}
			// An append that grew the arena leaves the older encodings in
			// the older array, which is just as well.
			enc = arena[n:len(arena):len(arena)]
			if enc == nil {
				enc = []byte{}
			}
		}
		f[i] = frozenEntry[V]{e, enc}
	}
	for _, x := range f {
		x.e.pins++
		x.e.size = int32(len(x.enc))
		emit(x.e.key, x.enc, x.e.at)
	}
	clear(t.dirty)
	t.dirty = t.dirty[:0]
	t.gen++
	return f, nil
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
func (t *Table[V]) Committed(f Frozen, next int64) {
	fz := f.(frozen[V])
	for _, x := range fz {
		t.queuedSize += int64(len(x.e.key)+len(x.enc)) + 1 // deleting the empty key waits, too
	}
	t.queued = append(t.queued, fz...)
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
	order := slices.Clone(q)
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
	t.o.Lock.Lock()
	for _, x := range q {
		x.e.pins--
	}
	n := len(t.unsaved)
	t.o.Lock.Unlock()
	t.settle(n)
	return nil
}

// settled is how many entries are settled at a time: some hundred microseconds.
const settled = 2048

// settle takes the entries that the store has now out of the unsaved ones, of which
// the first n are looked at. That is a few at a time, so that no record waits for
// it; in between what was taken out is nil in the list.
func (t *Table[V]) settle(n int) {
	for i := 0; i < n; i += settled {
		t.o.Lock.Lock()
		for j, e := range t.unsaved[i:min(i+settled, n)] {
			if e.pins == 0 && e.gen != t.gen {
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

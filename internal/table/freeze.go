package table

import (
	"fmt"
	"runtime/debug"
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

// rowOverhead is about what a committed row costs beside its value until it is
// collected.
const rowOverhead = 32

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
	at  int64
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
		if e.size == 0 { // it is new
			hint += int(t.guess)
		}
		hint += int(e.size)
	}
	arena := make([]byte, 0, hint+hint/4+64)
	part, ats := make([]frozenEntry[V], len(dirty)), make([]int64, len(dirty))
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
		t.guess = x.e.size
		f.size += int64(len(x.enc)) + rowOverhead
		emit(x.e.key, x.enc, time.UnixMilli(ats[i]))
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
		return arena, nil, &EncodeError{t.o.Name, string(e.key), e.from.input(), e.from.offset(), err}
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
	t.landed = append(t.landed, f.parts...)
	t.rows += int64(len(f.dirty))
	t.queuedSize += f.size
	if next >= 0 {
		t.next = next
	}
}

// Queued implements State.
func (t *Table[V]) Queued() (rows, bytes int64) { return t.rows, t.queuedSize }

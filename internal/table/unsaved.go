package table

import (
	"bytes"

	"github.com/google/btree"
)

// What the store does not have yet is looked at by every iteration. It is many
// entries between two writes, so those of a table that is iterated over are kept
// in a tree by key, too: a short range costs what is in it.

// degree is the tree's; the library's benchmarks are best around it.
const degree = 32

// addUnsaved notes that the store does not have an entry's newest value.
func (t *Table[V]) addUnsaved(e *entry[V]) {
	if e.unsaved {
		return
	}
	e.unsaved = true
	t.unsaved = append(t.unsaved, e)
	if t.index != nil {
		t.index.ReplaceOrInsert(e)
	}
}

// dropUnsaved undoes addUnsaved but for the list.
func (t *Table[V]) dropUnsaved(e *entry[V]) {
	e.unsaved = false
	if t.index != nil {
		t.index.Delete(e)
	}
	t.list(e)
}

// overlay walks through the unsaved entries of a range, by key. The table may be
// changed meanwhile: a few are taken at a time.
type overlay[V any] struct {
	t          *Table[V]
	from       entry[V] // its key is where to go on
	end        []byte
	buf        []*entry[V]
	size       int
	start, all bool // begin at the first; nothing is left
}

func (t *Table[V]) overlay(start, end []byte) *overlay[V] {
	if t.index == nil {
		t.index = btree.NewG(degree, func(a, b *entry[V]) bool { return bytes.Compare(a.key, b.key) < 0 })
		for _, e := range t.unsaved {
			if e != nil {
				t.index.ReplaceOrInsert(e)
			}
		}
	}
	return &overlay[V]{t: t, from: entry[V]{key: start}, end: end, size: 4, start: true}
}

// peek returns the next entry; nil at the end.
func (o *overlay[V]) peek() *entry[V] {
	if len(o.buf) == 0 && !o.all {
		o.fill()
	}
	if len(o.buf) == 0 {
		return nil
	}
	return o.buf[0]
}

// next goes on after the entry that peek returned.
func (o *overlay[V]) next() { o.buf = o.buf[1:] }

func (o *overlay[V]) fill() {
	o.size = min(2*o.size, 256)
	o.buf = make([]*entry[V], 0, o.size)
	o.all = true
	o.t.index.AscendGreaterOrEqual(&o.from, func(e *entry[V]) bool {
		switch {
		case !o.start && bytes.Equal(e.key, o.from.key):
			return true
		case o.end != nil && bytes.Compare(e.key, o.end) >= 0:
			return false
		case len(o.buf) == o.size:
			o.all = false
			return false
		}
		o.buf = append(o.buf, e)
		return true
	})
	if n := len(o.buf); n > 0 {
		o.from.key, o.start = o.buf[n-1].key, false
	}
}

package table

import (
	"math"
	"unsafe"
)

// entryOverhead is about what an entry costs beside its key and value.
const entryOverhead = 96

// queue is a first-in, first-out queue in one slice.
type queue[V any] struct {
	items []*entry[V]
	head  int
}

func (q *queue[V]) push(e *entry[V]) {
	if q.head > 64 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, e)
}

func (q *queue[V]) pop() *entry[V] {
	if q.head == len(q.items) {
		return nil
	}
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	return e
}

// list makes an entry a candidate for eviction. One that is a candidate already
// may have another size by now.
func (t *Table[V]) list(e *entry[V]) {
	size := int32(min(int64(len(e.key))+int64(e.size)+entryOverhead, math.MaxInt32))
	if e.listed {
		t.cleanSize += int64(size - e.charged)
		e.charged = size
		return
	}
	e.listed, e.charged = true, size
	t.cleanSize += int64(size)
	t.clean.push(e)
}

// evict drops clean entries while the cache, with what waits for Write, is over its
// bound: oldest first,
// with a second chance for those read since (the CLOCK algorithm). A bounded
// number of steps keeps one call short; the next one goes on.
func (t *Table[V]) evict() {
	for steps := 0; t.cleanSize+t.queuedSize > t.o.CacheBytes && steps < 16; steps++ {
		e := t.clean.pop()
		if e == nil {
			return
		}
		e.listed = false
		t.cleanSize -= int64(e.charged)
		switch {
		case e.unsaved: // listed again once the store has it
		case e.ref:
			e.ref = false
			t.list(e)
		default:
			if e == t.last {
				t.last = nil
			}
			delete(t.entries, unsafe.String(unsafe.SliceData(e.key), len(e.key)))
			// Its slab may live on, for entries that are still used.
			var none V
			e.val = none
		}
	}
}

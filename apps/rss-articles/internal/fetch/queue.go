package fetch

import (
	"container/heap"
	"slices"
)

// queue is a heap of entries, the one that is due first on top
// (container/heap).
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.index = -1
	return e
}

func (f *Fetcher) push(e *entry) { heap.Push(&f.due, e) }

// remove takes an entry out of what is due or ready.
func (f *Fetcher) remove(e *entry) {
	if e.index >= 0 {
		heap.Remove(&f.due, e.index)
	}
	f.ready = slices.DeleteFunc(f.ready, func(x *entry) bool { return x == e })
}

package engine

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Records out of order. With an order that is not that of the partition, the
// records of an input with look-ahead are handled as their work ends, some of
// them ahead of others that wait:
//
//	queue   5 6 7 8 9 10 ...   waiting: 5 8 10
//	          ✓ ✓   ✓          committed: 5, and beside it that 6, 7 and 9 are done
//
// So commits wait for what is in flight here too: the offset of a commit is that
// of the first record that waits. Which ones have overtaken it lies in a row of a
// state, and becomes permanent together with what they emitted; whoever goes on
// from that offset leaves them out. A group that was set back to an offset before
// that is to have all of them again: the row holds only for where it was written.
//
// Records are only looked at up to a number of offsets after the first that
// waits, which bounds the row, what waits in the queue, and what is done again
// under at-least-once.

// overtaking is what a task knows of an input of whose records some are handled
// ahead of others. Its changes are made under the task's lock, by the goroutine
// that runs the handlers.
type overtaking struct {
	order graph.Order
	span  int64

	looked  int64               // the offset after the last record that was looked at; -1: none was
	end     int64               // the offset after the last record that was handled
	waiting []*transport.Record // looked at and not handled, in the order of their offsets
	before  graph.Overtakers    // what had been handled when the task began here

	saved, committed graph.Overtakers
	blocked          map[string]bool // of ready, which uses it again
}

func newOvertaking(input graph.Input, committed graph.Overtakers) *overtaking {
	return &overtaking{order: input.Order, span: int64(input.Span), looked: -1, end: committed.End,
		before: committed, saved: committed, committed: committed, blocked: map[string]bool{}}
}

// openOvertaking reads which records had been handled ahead of others.
func (t *task) openOvertaking() error {
	if t.in.spec.Overtaking == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, input := range t.inputs {
		if input.Order == graph.PartitionOrder {
			continue
		}
		o, err := t.in.spec.Overtaking.Load(&t.view, i)
		if err != nil {
			return fmt.Errorf("processor %s, partition %d: what was handled ahead of topic %s: %w", t.in.spec.Name, t.id, t.in.topics[i], err)
		}
		t.overtaking[i] = newOvertaking(input, o)
	}
	return nil
}

// freezeOvertaking completes a generation that is about to be frozen. The caller
// holds t.mu.
func (t *task) freezeOvertaking(g *generation) error {
	if t.in.spec.Overtaking == nil {
		return nil
	}
	g.overtakers = make([]graph.Overtakers, len(t.overtaking))
	for i, u := range t.overtaking {
		if u == nil {
			continue
		}
		o := u.overtakers()
		g.overtakers[i] = o
		if none := o.End <= o.From; none && u.saved.End <= u.saved.From || !none && equalOvertakers(o, u.saved) {
			continue
		}
		if err := t.in.spec.Overtaking.Save(&t.view, i, o); err != nil {
			return fmt.Errorf("processor %s, partition %d: what was handled ahead of topic %s: %w", t.in.spec.Name, t.id, t.in.topics[i], err)
		}
		u.saved = o
	}
	return nil
}

func equalOvertakers(a, b graph.Overtakers) bool {
	return a.From == b.From && a.End == b.End && slices.Equal(a.Waiting, b.Waiting)
}

// look looks at further records of an input, and takes those from the queue that
// are done with. Control records, and what was handled before the task began,
// only move the position.
func (t *task) look(input int) {
	u := t.overtaking[input]
	t.mu.Lock()
	passed := u.look(t.queue, input, t.view.Ahead[input].Limit())
	if passed > 0 {
		t.cur.next[input] = u.low()
		t.cur.records += passed
		t.cur.control += passed
	}
	t.mu.Unlock()
	if passed > 0 {
		t.in.committer.work()
		if t.dequeue(input, 0) {
			t.in.resume(t, input)
		}
	}
}

// dequeue removes what is done with from the queue of an input, of one in order
// its first n records. It reports whether fetching has to be resumed now.
func (t *task) dequeue(input, n int) (resume bool) {
	if u := t.overtaking[input]; u != nil {
		return t.queue.doneBefore(input, u.low())
	}
	return t.queue.done(input, n)
}

// passed notes that a record was handled, and returns the offset that a commit
// can go with. The caller holds t.mu.
func (t *task) passed(input int, r *transport.Record) int64 {
	u := t.overtaking[input]
	if u == nil {
		return r.Offset + 1
	}
	u.handled(r)
	return u.low()
}

// low is the offset of the first record that was not handled, as far as they
// were looked at; -1: none was.
func (u *overtaking) low() int64 {
	if len(u.waiting) > 0 {
		return u.waiting[0].Offset
	}
	return u.looked
}

// look looks at further records until so many wait. It returns how many are
// done with.
func (u *overtaking) look(q *queue, input, limit int) (passed int) {
	for len(u.waiting) < limit {
		records := q.after(input, u.looked, limit-len(u.waiting))
		if len(records) == 0 {
			break
		}
		if u.looked < 0 && records[0].Offset < u.before.From { // the group was set back
			u.before, u.end = graph.Overtakers{}, 0
		}
		for _, r := range records {
			if len(u.waiting) > 0 && r.Offset-u.low() >= u.span {
				return passed
			}
			u.looked = r.Offset + 1
			if r.Attrs.IsControl() || u.before.Has(r.Offset) {
				passed++
			} else {
				u.waiting = append(u.waiting, r)
			}
		}
	}
	return passed
}

// ready returns the records that can be handled now, at most max, those of a key
// in their order if that is to be kept.
func (u *overtaking) ready(a graph.Ahead, max int) (out []*transport.Record) {
	clear(u.blocked)
	for _, r := range u.waiting {
		keyed := u.order == graph.KeyOrder && r.Key != nil
		switch {
		case keyed && u.blocked[string(r.Key)]:
		case a.Ready(r):
			if out = append(out, r); len(out) == max {
				return out
			}
		case keyed:
			u.blocked[string(r.Key)] = true
		}
	}
	return out
}

func (u *overtaking) handled(r *transport.Record) {
	i, ok := slices.BinarySearchFunc(u.waiting, r.Offset, func(w *transport.Record, offset int64) int { return int(w.Offset - offset) })
	if ok {
		u.waiting = slices.Delete(u.waiting, i, i+1)
	}
	u.end = max(u.end, r.Offset+1)
}

// overtakers returns what was handled ahead of others.
func (u *overtaking) overtakers() graph.Overtakers {
	if u.looked < 0 {
		return u.before
	}
	o := graph.Overtakers{From: u.low(), End: u.end}
	for _, r := range u.waiting {
		if r.Offset < u.end {
			o.Waiting = append(o.Waiting, r.Offset)
		}
	}
	for _, offset := range u.before.Waiting { // and was not seen again yet
		if offset >= u.looked {
			o.Waiting = append(o.Waiting, offset)
		}
	}
	return o
}

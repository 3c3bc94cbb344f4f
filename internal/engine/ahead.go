package engine

import (
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Look-ahead. Work that a record needs from outside, such as a call to a
// service, can begin before the record's turn, on goroutines of the typed layer,
// while the records before it wait for theirs:
//
//	queue   5 6 7 8 9 ...   begun: 5 6 7 8, as many as graph.Ahead looks at
//	        └ the task waits here for 5, with no lock held; then handles 5 and
//	          those after it that are ready, in their order
//
// A record is handled, and its position moves, only once its work is done, so
// nothing is committed past one that waits. Commits take the lock of a task,
// which is free meanwhile: a call that is slow holds up its own partition alone.

// newAhead makes the look-ahead of each input that has one.
func (t *task) newAhead() {
	for i, input := range t.inputs {
		if input.Ahead == nil {
			continue
		}
		if t.view.Ahead == nil {
			t.view.Ahead = make([]graph.Ahead, len(t.inputs))
		}
		t.view.Ahead[i] = input.Ahead(&t.view)
	}
}

// ready waits until the first of some records is ready to be handled, and
// returns those that are: all of an input without look-ahead. It begins the work
// of those that come after them. It returns nil when the task is halted or given
// up, and again when timers may be due, which come first, or the records are done
// with. No lock is held.
func (t *task) ready(input int, records []*transport.Record) (_ []*transport.Record, again bool) {
	if t.view.Ahead == nil || t.view.Ahead[input] == nil {
		return records, false
	}
	ahead, u := t.view.Ahead[input], t.overtaking[input]
	return t.awaitReady(func() (ready []*transport.Record, more <-chan struct{}, again bool) {
		if u == nil {
			more = ahead.Begin(t.queue.coming(input, ahead.Limit()))
			return records[:countReady(ahead, records)], more, false
		}
		if t.look(input); len(u.waiting) == 0 {
			return nil, nil, true
		}
		more = ahead.Begin(u.waiting)
		return u.ready(ahead, t.limit), more, false
	})
}

// readyAgain is ready for a record that failed, and is to be handled again
// before all others.
func (t *task) readyAgain(input int, r *transport.Record) (_ []*transport.Record, again bool) {
	u := t.overtaking[input]
	if u == nil {
		return t.ready(input, t.queue.head(input))
	}
	ahead := t.view.Ahead[input]
	return t.awaitReady(func() (ready []*transport.Record, more <-chan struct{}, again bool) {
		t.look(input)
		if more = ahead.Begin(u.waiting); ahead.Ready(r) {
			ready = []*transport.Record{r}
		}
		return ready, more, false
	})
}

// awaitReady calls look until it returns records, or says that others are to be
// looked for; when the channel that it returns gets something, or more records
// come.
func (t *task) awaitReady(look func() (ready []*transport.Record, more <-chan struct{}, again bool)) (_ []*transport.Record, again bool) {
	var alarm <-chan time.Time // for timers by the clock
	if t.in.spec.Timers != nil {
		timer := time.NewTimer(alarmEvery)
		defer timer.Stop()
		alarm = timer.C
	}
	for {
		ready, more, again := look()
		if len(ready) > 0 || again {
			return ready, again
		}
		select {
		case <-more:
		case <-t.queue.more: // there may be more to begin
		case <-alarm:
			return nil, true
		case <-t.halting:
			return nil, false
		case <-t.ctx.Done():
			return nil, false
		}
	}
}

// countReady counts the records up to the first that is not ready.
func countReady(a graph.Ahead, records []*transport.Record) int {
	for n, r := range records {
		if !r.Attrs.IsControl() && !a.Ready(r) {
			return n
		}
	}
	return len(records)
}

// endAhead ends all work that is under way and waits for it, if its context has
// ended. What does not heed that is left behind.
func (t *task) endAhead() {
	for i, a := range t.view.Ahead {
		if a == nil {
			continue
		}
		if left := a.End(t.in.e.cfg.AbandonTimeout); left > 0 {
			t.in.log.Error("calls ignored the end of their context and were left behind: end this process",
				"topic", t.in.topics[i], "partition", t.id, "calls", left, "after", t.in.e.cfg.AbandonTimeout.Round(time.Millisecond))
		}
	}
}

// coming returns the next records of an input, up to max. Control records are
// left out.
func (q *queue) coming(input, max int) []*transport.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*transport.Record
	for _, run := range q.inputs[input].runs {
		for _, r := range run {
			if len(out) == max {
				return out
			}
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
	}
	return out
}

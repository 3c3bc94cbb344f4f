package engine

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// errAgain says that the record at hand is to be handled again.
var errAgain = errors.New("the record is handled again")

// failing is a record that failed and waits for its next attempt. It outlives
// goka's sessions with its task: a rebalance that leaves the partition here
// ends the wait, and the next session goes on with what is left of it.
type failing struct {
	input    int
	record   *transport.Record
	attempts int // so far
	until    time.Time
	err      error
}

// failed undoes what a failed record did and asks the processor's policy. It
// returns nil when the record is dealt with, errAgain when it is to be handled
// again, and else what ends the instance before the record.
func (t *task) failed(input int, r *transport.Record, err error, staged int) error {
	t.undo(staged)
	if t.ctx.Err() != nil { // the run's end failed it, not the record
		return context.Cause(t.ctx)
	}
	if isFatal(err) {
		return err
	}
	attempt := 1
	if f := t.failing.Load(); f != nil {
		attempt += f.attempts
	}
	d := graph.Decision{Err: err}
	if t.in.spec.Failed != nil {
		d = t.in.spec.Failed(&t.view, r, err, attempt)
	}
	t.in.e.recordFailed(t.in.spec.Name, r, d)
	switch d.Verdict {
	case graph.Retry:
		t.failing.Store(&failing{input, r, attempt, time.Now().Add(d.Wait), d.Err})
		return errAgain
	case graph.DeadLetter, graph.Skip:
		if input == timers {
			return t.in.spec.Timers.Drop(&t.view, r)
		}
		return nil
	case graph.Restart:
		return d.Err
	}
	return fatal(d.Err)
}

// take returns the next records and their input. A record that failed comes
// again, after its wait and before all others: the order of its partition is
// kept. Timers that are due come before the next record. It returns nil when
// there is nothing, or the task was halted.
func (t *task) take() (input int, records []*transport.Record, err error) {
	f := t.failing.Load()
	if f == nil {
		return t.takeNext()
	}
	// No lock is held here: commits and other partitions go on.
	timer := time.NewTimer(time.Until(f.until))
	defer timer.Stop()
	select {
	case <-timer.C:
		if f.input == timers {
			return timers, []*transport.Record{f.record}, nil
		}
		for again := true; again; {
			records, again = t.readyAgain(f.input, f.record)
		}
		return f.input, records, nil
	case <-t.halting:
	case <-t.ctx.Done():
	}
	return -1, nil, nil
}

// takeNext is take when no record waits for its next attempt.
func (t *task) takeNext() (input int, records []*transport.Record, err error) {
	turn := t.recordsTurn()
	for again := true; again; {
		if !turn {
			if records, err = t.timersDue(t.limit); err != nil || records != nil {
				return timers, records, err
			}
			t.fired = 0
		}
		if input, records = t.queue.take(t.limit); records != nil {
			records, again = t.ready(input, records)
		} else {
			again = turn
		}
		turn = false
	}
	return input, records, nil
}

// halt makes the callback return soon.
func (t *task) halt() {
	if t.halted.CompareAndSwap(false, true) {
		close(t.halting)
	}
}

// unhalt lets the next session's callbacks run. No callback runs.
func (t *task) unhalt() {
	t.goroutine.Store(0) // the next session has another
	if t.halted.Load() {
		t.halting = make(chan struct{})
		t.halted.Store(false)
	}
}

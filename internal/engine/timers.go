package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// Timers. They lie in a state of the task, by time; the typed layer knows how.
// The task lets those fire whose time has come, each like a record of an input
// of its own: after the record that moved stream time on and before the next
// one, or because of the clock. They are handled in chunks, between which there
// may be commits: a timer is deleted together with its effects, and stream time
// is part of the state, so that what is left of them fires after any crash.

// timers stands for the timers where an input is named by its number.
const timers = -2

// alarmEvery is how late a timer by the clock may be.
const alarmEvery = 10 * time.Millisecond

// topic returns the name of an input, or of the timers that a record is one of.
func (t *task) topic(input int, r *transport.Record) string {
	switch {
	case input >= 0:
		return t.in.topics[input]
	case r != nil:
		return r.Topic
	}
	return "of a timer"
}

// turn is how many timers fire before records are handled, while more of them are
// due, if these may lag: a few milliseconds. Few that are due at once always come
// before the next record.
const turn = 256

// recordsTurn says whether records are handled next, if there are any, though timers
// are due.
func (t *task) recordsTurn() bool {
	tm := t.in.spec.Timers
	if tm == nil || t.fired < turn {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	due, first := tm.Ready(&t.view)
	return due && !first
}

// timersFirst says whether the next record has to wait for timers. The caller holds
// t.mu.
func (t *task) timersFirst() bool {
	tm := t.in.spec.Timers
	if tm == nil {
		return false
	}
	due, first := tm.Ready(&t.view)
	return first || due && t.fired < turn
}

// timersDue returns timers that are to fire now, at most n.
func (t *task) timersDue(n int) ([]*transport.Record, error) {
	tm := t.in.spec.Timers
	if tm == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if due, _ := tm.Ready(&t.view); !due || !t.placed() {
		return nil, nil
	}
	due, err := tm.Due(&t.view, n)
	if err != nil {
		return nil, fmt.Errorf("processor %s, partition %d: timers: %w", t.in.spec.Name, t.id, err)
	}
	return due, nil
}

// placed says whether there is an offset that a commit can go with. Each has one,
// that of a record which was handled or the one that is committed, now or already: the
// group accepts it from the partition's owner only, which is what keeps a former
// one from letting timers fire. The caller holds t.mu.
func (t *task) placed() bool {
	for i := range t.position {
		if t.position[i].Load() > 0 || t.cur.next[i] >= 0 || t.ending != nil && t.ending.next[i] >= 0 {
			return true
		}
	}
	return false
}

// place finds out how far the group has come in the task's inputs.
func (t *task) place(ctx context.Context) error {
	if t.in.spec.Timers == nil {
		return nil
	}
	committed, err := t.in.e.cfg.Cluster.GroupOffsets(ctx, t.in.e.graph.Group(t.in.spec))
	if err != nil {
		return fmt.Errorf("committed offsets: %w", err)
	}
	for i, topic := range t.in.topics {
		if n := committed[topic][t.id]; n > 0 {
			t.position[i].Store(n)
		}
	}
	return nil
}

// freezeTimers completes a generation that is about to be frozen. One in which
// timers fired and no record was handled commits where the inputs stand. The
// caller holds t.mu.
func (t *task) freezeTimers(g *generation) error {
	tm := t.in.spec.Timers
	if tm == nil {
		return nil
	}
	handled := false
	for _, n := range g.next {
		handled = handled || n >= 0
	}
	for i := range g.next {
		if n := t.position[i].Load(); !handled && n > 0 {
			g.next[i] = n
		}
	}
	if err := tm.Freeze(&t.view); err != nil {
		return fmt.Errorf("processor %s, partition %d: timers: %w", t.in.spec.Name, t.id, err)
	}
	return nil
}

// setAlarm notes when the task is to be woken if no record comes.
func (t *task) setAlarm() {
	tm := t.in.spec.Timers
	if tm == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := int64(0)
	if wake := tm.Wake(&t.view); !wake.IsZero() && t.placed() {
		at = max(wake.UnixMilli(), 1)
	}
	t.alarm.Store(at)
}

// alarms wakes tasks whose time has come, until ctx ends. The clock is asked
// again and again because it is not the machine's in tests.
func (in *instance) alarms(ctx context.Context) error {
	tick := time.NewTicker(alarmEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		now := in.e.cfg.Now().UnixMilli()
		for _, t := range in.activeTasks() {
			if at := t.alarm.Load(); at != 0 && at <= now {
				t.signal()
			}
		}
	}
}

// TimersAtRest says whether no timer is to fire now and all that fired is
// committed. It is for tests.
func (e *Engine) TimersAtRest() bool {
	for _, in := range e.instances() {
		if in.spec.Timers == nil {
			continue
		}
		for _, t := range in.activeTasks() {
			if !t.atRest() {
				return false
			}
		}
	}
	return true
}

func (t *task) atRest() bool {
	due, err := t.timersDue(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	return err == nil && len(due) == 0 && t.cur.records == 0 && t.ending == nil
}

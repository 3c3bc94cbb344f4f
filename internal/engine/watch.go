package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// HangError names a handler that does not return.
type HangError struct {
	Processor string
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	For       time.Duration // about how long
	Stack     string        // of its goroutine; empty if it is not known
	Abandoned bool          // it ignored the end of its context as well, and still runs
}

func (e *HangError) Error() string {
	what := "has not returned for " + e.For.Round(time.Millisecond).String() +
		": bound what it waits for, and watch its Context"
	if e.Abandoned {
		what = "did not return when its Context ended, and was left behind: end this process"
	}
	return fmt.Sprintf("processor %s: the handler of the record at topic %s, partition %d, offset %d, key %q %s",
		e.Processor, e.Topic, e.Partition, e.Offset, e.Key, what)
}

// Hung is a record whose handler does not return.
type Hung struct {
	Topic  string    `json:"topic"`
	Offset int64     `json:"offset"`
	Key    string    `json:"key"`
	Since  time.Time `json:"since"`
	Stack  string    `json:"stack,omitempty"` // of the handler's goroutine
}

// call runs the handler. While it does, the watchdog sees the record. A store
// of a pointer is all that this costs a record.
func (t *task) call(input int, r *transport.Record) error {
	t.handling.Store(r)
	if input == timers {
		return t.in.spec.Timers.Handle(&t.view, r)
	}
	return t.inputs[input].Handle(&t.view, r)
}

// watched is what the watchdog saw of a task at its last look.
type watched struct {
	record   *transport.Record
	attempts int // before this one: a record that is tried again is handled anew
	since    time.Time
	told     bool
}

// watch looks for handlers that do not return, until done is closed. It finds
// one up to an eighth of the timeout late.
func (in *instance) watch(done <-chan struct{}) {
	timeout := in.e.cfg.HandlerTimeout
	tick := time.NewTicker(min(max(timeout/8, time.Millisecond), time.Second))
	defer tick.Stop()
	seen := map[*task]watched{}
	for {
		select {
		case <-tick.C:
		case <-done:
			return
		}
		next := make(map[*task]watched, len(seen))
		for _, t := range in.allTasks() {
			if w, ok := in.look(t, seen[t], timeout); ok {
				next[t] = w
			}
		}
		seen = next
	}
}

// look looks at one task; ok is false while it handles nothing.
func (in *instance) look(t *task, w watched, timeout time.Duration) (watched, bool) {
	r, attempts := t.handling.Load(), 0
	if f := t.failing.Load(); f != nil {
		attempts = f.attempts
	}
	if r == nil || r != w.record || attempts != w.attempts {
		if w.told {
			t.hung.Store(nil)
			in.e.notify()
			in.log.Info("handler that hung has returned", "topic", w.record.Topic, "partition", t.id,
				"offset", w.record.Offset, "after", time.Since(w.since).Round(time.Millisecond))
		}
		return watched{record: r, attempts: attempts, since: time.Now()}, r != nil
	}
	if !w.told && time.Since(w.since) >= timeout {
		w.told = true
		in.hangs(t, w)
	}
	return w, true
}

// hangs tells of a handler that does not return, and ends the run if that is
// wanted.
func (in *instance) hangs(t *task, w watched) {
	h := t.hang(w.record, time.Since(w.since))
	t.hung.Store(&Hung{Topic: h.Topic, Offset: h.Offset, Key: h.Key, Since: w.since, Stack: h.Stack})
	in.e.notify()
	in.e.cfg.Metrics.hung(h)
	in.log.LogAttrs(context.Background(), slog.LevelError, "handler hangs",
		slog.Any("error", h), slog.Time("since", w.since), slog.String("stack", h.Stack))
	if in.e.cfg.StopHung {
		in.fail(fatal(h))
		in.e.desert()
	}
}

func (t *task) hang(r *transport.Record, d time.Duration) *HangError {
	return &HangError{Processor: t.in.spec.Name, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Key: string(r.Key), For: d, Stack: stackOf(t.goroutine.Load())}
}

// desert drains the other processors, and makes Run end in a while even if the
// handler does not return.
func (e *Engine) desert() {
	select {
	case e.deserted <- struct{}{}:
	default:
	}
}

// await waits until the processors have ended. Once the run was given up it
// leaves the handlers behind that do not return although their contexts have
// ended: there is no way to end a goroutine from outside. Nothing of theirs
// will be committed. It returns their errors.
func (e *Engine) await(ended, given <-chan struct{}, drain func()) []error {
	select {
	case <-ended:
		return nil
	case <-given:
	case <-e.deserted:
		drain()
	}
	tick := time.NewTicker(e.cfg.AbandonTimeout / 2)
	defer tick.Stop()
	stuck := map[*instance]bool{}
	for {
		select {
		case <-ended:
			return nil
		case <-tick.C:
			ins := e.instances()
			before := stuck
			stuck = map[*instance]bool{}
			all := len(ins) > 0
			for _, in := range ins {
				stuck[in] = in.stuck()
				all = all && stuck[in] && before[in]
			}
			if all {
				return abandon(ins)
			}
		}
	}
}

// instances returns those that have not ended.
func (e *Engine) instances() (ins []*instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.states {
		if s.in != nil {
			ins = append(ins, s.in)
		}
	}
	return ins
}

// stuck says whether a handler runs although the instance's context has ended.
func (in *instance) stuck() bool {
	return in.ctx.Err() != nil && slices.ContainsFunc(in.allTasks(), func(t *task) bool { return t.handling.Load() != nil })
}

// abandon takes instances out of their groups, so that others get their
// partitions, and returns an error for each handler that runs.
func abandon(ins []*instance) (errs []error) {
	for _, in := range ins {
		for _, t := range in.allTasks() {
			if r := t.handling.Load(); r != nil {
				h := t.hang(r, 0)
				h.Abandoned = true
				errs = append(errs, fatal(h))
				in.e.setPhase(in.spec.Name, Failed, h, nil)
			}
		}
		in.leave()
	}
	return errs
}

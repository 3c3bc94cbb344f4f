package engine_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/pipeline"
)

// hanging is a topology whose handler waits at "hang" for release, or for the
// end of its context if it is polite.
func hanging(release <-chan struct{}, polite bool) *pipeline.Topology {
	return flaky(pipeline.Stop(), func(ctx *pipeline.Context, v string) error {
		if v != "hang" {
			return nil
		}
		if !polite {
			<-release
			return nil
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// hangs counts what the watchdog tells.
type hangs struct {
	mu   sync.Mutex
	told []*engine.HangError
}

func (h *hangs) tweak(timeout time.Duration, stop bool) func(*engine.Config) {
	return func(e *engine.Config) {
		e.HandlerTimeout, e.StopHung, e.AbandonTimeout = timeout, stop, 20*time.Millisecond
		e.Metrics.HandlerHung = func(err *engine.HangError) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.told = append(h.told, err)
		}
	}
}

func (h *hangs) list() []*engine.HangError {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.told
}

// The watchdog names a handler that hangs, once, and the service is not ready
// until it has returned.
func TestHungHandlerIsNamed(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	release := make(chan struct{})
	var h hangs
	s := l.start("m", hanging(release, false), h.tweak(30*time.Millisecond, false))
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.send("in", "a", "hang", "c")
	l.until("the hung handler in the status", func() bool {
		ps := s.partitions()
		return len(ps) == 1 && ps[0].Hung != nil
	})
	got := *s.partitions()[0].Hung
	if got.Topic != "in" || got.Offset != 1 || got.Key != "hang" || got.Since.IsZero() || !strings.Contains(got.Stack, "engine_test.hanging.func1") {
		t.Errorf("status %+v", got)
	}
	if s.Ready() {
		t.Error("the service is ready while a handler hangs")
	}
	close(release)
	l.settled(group, "in")
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := h.list()
	if len(told) != 1 || told[0].Offset != 1 || told[0].For < 30*time.Millisecond {
		t.Errorf("told %v, want the record at offset 1, once", told)
	}
}

func TestHungHandlerStopsTheService(t *testing.T) {
	for name, polite := range map[string]bool{"watches its context": true, "watches nothing": false} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, "in", "out")
			release := make(chan struct{})
			t.Cleanup(func() { close(release) }) // only then does the goroutine end
			var h hangs
			s := l.start("m", hanging(release, polite), h.tweak(30*time.Millisecond, true))
			l.send("in", "a")
			l.settled(group, "in")
			l.send("in", "hang", "c")
			<-s.ended
			var he *pipeline.HangError
			if !errors.As(s.err, &he) || he.Processor != "dedupe" || he.Topic != "in" || he.Offset != 1 || he.Key != "hang" || he.Abandoned == polite {
				t.Errorf("the run ended with %v", s.err)
			}
			if c := l.Committed(group)["in"][0]; c != 1 {
				t.Errorf("committed offset %d, want 1", c)
			}
			if p := s.processor().Phase; p != pipeline.Failed {
				t.Errorf("the processor is %s", p)
			}
		})
	}
}

// A drain gives a handler its time, and then Run ends without it.
func TestDrainLeavesAHungHandlerBehind(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var h hangs
	s := l.start("m", hanging(release, false), h.tweak(20*time.Millisecond, false), briefDrain)
	l.send("in", "hang")
	l.until("the hung handler", func() bool { return len(h.list()) > 0 })
	err := s.stop()
	var he *pipeline.HangError
	if !errors.As(err, &he) || !he.Abandoned || !strings.Contains(err.Error(), "end this process") {
		t.Errorf("the run ended with %v", err)
	}
}

// A record that is tried again is not one that hangs, however often.
func TestRetriesDoNotHang(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	n := 0
	var h hangs
	l.start("m", flaky(pipeline.Retry(30, pipeline.Backoff{Min: 20 * time.Millisecond, Max: 20 * time.Millisecond}),
		func(*pipeline.Context, string) error {
			if n++; n < 30 {
				return errBad
			}
			return nil
		}), h.tweak(300*time.Millisecond, true))
	l.send("in", "a")
	l.settled(group, "in")
	if told := h.list(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

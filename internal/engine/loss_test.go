package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Each test here is a way in which stock goka loses records or crashes, and
// which the engine must not have. docs/decisions/0002-goka-with-our-parts.md
// lists them, and docs/testing.md tells how each test was seen to fail.

// Stock goka writes the state before the output is acknowledged: after a crash
// the record that comes again is "already seen", and its output is lost.
func TestStateIsNotAheadOfOutputs(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.SetHook(is(memory.Produce, "out", memory.Verdict{Lose: true}))
	s := l.start("m", dedupe())
	l.send("in", "a")
	l.neverSettles(group, "in")
	if got := l.keys("seen"); len(got) != 0 {
		t.Errorf("the changelog was written before the output was acknowledged: %q", got)
	}
	l.kill(s)
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after a crash before the output was acknowledged, the outputs are %q, want a", got)
	}
}

// A kill between the acknowledgements of the outputs and the write of the
// changelog: the output may come twice, the state must be as if once.
func TestKillBetweenOutputsAndChangelog(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.SetHook(is(memory.Produce, "seen", memory.Verdict{Kill: true}))
	s := l.start("m", dedupe(), briefDrain)
	l.send("in", "a")
	l.until("the output", func() bool { return len(l.keys("out")) > 0 })
	l.neverSettles(group, "in")
	l.kill(s)
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := unique(l.keys("out")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
	l.send("in", "a")
	l.settled(group, "in")
	if n := len(l.keys("out")); n > 2 {
		t.Errorf("%d outputs: the state was not restored", n)
	}
}

// The steps of a commit come in their order, each after the one before was
// acknowledged.
func TestOrderOfACommit(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.start("m", dedupe())
	l.send("in", "a")
	l.settled(group, "in")
	var steps []string
	for _, o := range l.Journal() {
		if o.Record != nil && o.Record.Topic == "app-manifest" {
			continue // written at the start
		}
		steps = append(steps, strings.Fields(o.String())[0]+" "+strings.Fields(o.String())[1])
	}
	want := []string{"produce out", "ack out", "produce seen", "ack seen", "commit " + group}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

// A kill after the changelog was acknowledged and before the offsets are
// committed: the record comes again, and the restored state drops it.
func TestKillBeforeOffsets(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.SetHook(is(memory.Commit, "", memory.Verdict{Kill: true}))
	s := l.start("m", dedupe(), briefDrain)
	l.send("in", "a")
	l.until("the changelog", func() bool { return len(l.keys("seen")) > 0 })
	l.neverSettles(group, "in")
	l.kill(s)
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a, once", got)
	}
}

// Stock goka commits the offset of record 1 while record 0 is not
// acknowledged: when 0 fails, it is lost.
func TestOffsetsWaitForEarlierRecords(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.SetHook(func(o memory.Op) memory.Verdict {
		return memory.Verdict{Lose: o.Kind == memory.Produce && o.Record.Topic == "out" && string(o.Record.Key) == "slow"}
	})
	s := l.start("m", dedupe())
	l.send("in", "slow", "fast")
	l.until("the output of the second record", func() bool { return slices.Contains(l.keys("out"), "fast") })
	l.neverSettles(group, "in")
	if c := l.Committed(group); len(c) != 0 {
		t.Errorf("committed %v while the first record's output is not acknowledged", c)
	}
	l.kill(s)
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := unique(l.keys("out")); !slices.Equal(got, []string{"fast", "slow"}) {
		t.Errorf("outputs %q, want both", got)
	}
}

// An output that the broker refuses fails the processor, which starts again
// and loses nothing.
func TestFailedOutputIsTriedAgain(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	failures := 3
	l.SetHook(func(o memory.Op) memory.Verdict {
		if o.Kind == memory.Produce && o.Record.Topic == "out" && failures > 0 {
			failures--
			return memory.Verdict{Err: errors.New("refused")}
		}
		return memory.Verdict{}
	})
	l.start("m", dedupe())
	l.send("in", "a")
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
}

// Stock goka's Fail does nothing once the context is done: the callback goes
// on and the record is marked.
func TestFailureAtShutdownIsNotCommitted(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	started := make(chan struct{})
	p := pipeline.Process("dedupe")
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		close(started)
		<-ctx.Done() // as a call to the outside would
		out.Emit(ctx, ctx.Key(), v)
		return context.Cause(ctx)
	})
	s := l.start("m", pipeline.New("app").From(input).Add(p).To(output),
		func(e *engine.Config) { e.DrainTimeout = 20 * time.Millisecond })
	l.send("in", "a")
	<-started
	_ = s.stop()
	if c := l.Committed(group); len(c) != 0 {
		t.Errorf("committed %v of a record that failed at shutdown", c)
	}
	if got := l.keys("out"); len(got) != 0 {
		t.Errorf("outputs %q of a record that failed", got)
	}
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
}

// The same while the service drains: the record fails, and is not committed
// with those before it.
func TestFailureWhileDraining(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	started, draining := make(chan struct{}), make(chan struct{})
	p := pipeline.Process("dedupe")
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		out.Emit(ctx, ctx.Key(), v)
		if v != "cut off" {
			return nil
		}
		close(started)
		<-draining // a call to the outside that the program's end cuts off
		return errors.New("the program ends")
	})
	s := l.start("m", pipeline.New("app").From(input).Add(p).To(output), func(e *engine.Config) { e.DrainTimeout = time.Minute })
	l.send("in", "a", "cut off", "b")
	<-started
	s.cancel()
	close(draining)
	_ = s.stop()
	if c := l.Committed(group)["in"][0]; c != 1 {
		t.Errorf("committed offset %d, want 1: that of the record that failed", c)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "cut off", "b"}) {
		t.Errorf("outputs %q, want all", got)
	}
}

// Stock goka starts new groups at the newest offset.
func TestNewGroupStartsAtTheOldestRecord(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.send("in", "before")
	l.start("m", dedupe())
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"before"}) {
		t.Errorf("outputs %q, want what was sent before the group was there", got)
	}
}

// In stock goka a codec that panics kills the process.
func TestCodecPanicIsAnError(t *testing.T) {
	bad := codec.New("bad", func(string) ([]byte, error) { panic("encode") },
		func([]byte) (string, error) { panic("decode") })
	for name, topology := range map[string]func() *pipeline.Topology{
		"input": func() *pipeline.Topology {
			in := pipeline.NewTopic("in", bad)
			p := pipeline.Process("dedupe")
			pipeline.Input(p, in, func(*pipeline.Context, string) error { return nil })
			return pipeline.New("app").From(in).Add(p)
		},
		"output": func() *pipeline.Topology {
			out := pipeline.NewTopic("out", bad)
			p := pipeline.Process("dedupe")
			o := pipeline.Output(p, out)
			pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error { o.Emit(ctx, "k", v); return nil })
			return pipeline.New("app").From(input).Add(p).To(out)
		},
		"state": func() *pipeline.Topology {
			p := pipeline.Process("dedupe")
			s := pipeline.State(p, pipeline.NewTable("seen", bad))
			pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error { s.Set(ctx, v); return nil })
			return pipeline.New("app").From(input).Add(p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, "in")
			// Without the check, a state is encoded at the commit only.
			s := l.start("m", topology(), func(e *engine.Config) { e.Check = false })
			l.send("in", "a")
			<-s.ended
			if s.err == nil || !strings.Contains(s.err.Error(), "panic") {
				t.Fatalf("the run ended with %v, want the panic", s.err)
			}
			var re *pipeline.RecordError
			if name != "state" && (!errors.As(s.err, &re) || re.Stage != pipeline.StagePanic || re.Key != "a") {
				t.Errorf("%v does not name the record", s.err)
			}
			if c := l.Committed(group); len(c) != 0 {
				t.Errorf("committed %v past the record", c)
			}
		})
	}
}

// In stock goka a user's key "__offset" is the key of the stored offset.
func TestNoKeyIsReserved(t *testing.T) {
	keys := []string{"__offset", "", "m", "u", "\x00", "i"}
	l := newLab(t, 1, "in", "out")
	s := l.start("m", dedupe())
	l.send("in", keys...)
	l.settled(group, "in")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	l.start("m", dedupe())
	l.send("in", keys...)
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, keys) {
		t.Errorf("outputs %q, want %q, once", got, keys)
	}
}

package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// exactlyOnce is what the names of tests begin with whose labs run in
// transactions.
const exactlyOnce = "TestExactlyOnce"

// What holds at least once holds exactly once too.
func TestExactlyOnce(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"StateIsNotAheadOfOutputs":        TestStateIsNotAheadOfOutputs,
		"OrderOfACommit":                  TestOrderOfACommit,
		"FailedOutputIsTriedAgain":        TestFailedOutputIsTriedAgain,
		"FailureAtShutdownIsNotCommitted": TestFailureAtShutdownIsNotCommitted,
		"NewGroupStartsAtTheOldestRecord": TestNewGroupStartsAtTheOldestRecord,
		"CodecPanicIsAnError":             TestCodecPanicIsAnError,
		"NoKeyIsReserved":                 TestNoKeyIsReserved,
	} {
		t.Run(name, test)
	}
}

// A kill at any step of the commit cycle: readers of committed records see each
// output once.
func TestExactlyOnceThroughAKillAtEachStep(t *testing.T) {
	for _, step := range []struct {
		kind  memory.OpKind
		topic string
	}{{memory.Produce, "out"}, {memory.Ack, "out"}, {memory.Produce, "seen"}, {memory.Ack, "seen"}, {memory.Commit, ""}} {
		t.Run(fmt.Sprint(step.kind, step.topic), func(t *testing.T) {
			l := newLab(t, 1, "in", "out")
			l.SetHook(is(step.kind, step.topic, memory.Verdict{Kill: true}))
			s := l.start("m", dedupe(), briefDrain)
			l.send("in", "a", "b")
			l.neverSettles(group, "in")
			if got := l.keys("out"); len(got) != 0 {
				t.Errorf("outputs %q of a transaction that was not committed are read", got)
			}
			l.kill(s)
			l.wipe() // so that the state is what the changelog says
			l.start("m", dedupe())
			l.settled(group, "in")
			l.send("in", "a", "b")
			l.settled(group, "in")
			if got := l.keys("out"); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("outputs %q, want a and b, once", got)
			}
			if got := l.counts(); got["a"] != 2 || got["b"] != 2 {
				t.Errorf("counts %v, want 2 each", got)
			}
		})
	}
}

// counts are the newest values of the table seen.
func (l *lab) counts() map[string]int64 {
	counts := map[string]int64{}
	for _, r := range l.Records("seen") {
		n, err := codec.Int64().Decode(r.Value)
		if err != nil {
			l.t.Fatal(err)
		}
		counts[string(r.Key)] = n
	}
	return counts
}

// While a transaction ends, handlers go on, and what they send is not part of
// it: a failure of the next one leaves nothing of it.
func TestExactlyOnceSendsOfTheNextTransactionAreHeldBack(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	entered := make(chan struct{})
	var written atomic.Bool
	l.SetHook(func(o memory.Op) memory.Verdict {
		if o.Kind == memory.Produce && o.Record.Topic == "seen" && !written.Swap(true) { // the cycle is between freeze and commit
			return memory.Verdict{Hold: true}
		}
		if o.Kind == memory.Produce && o.Record.Topic == "out" && string(o.Record.Key) == "late" {
			select {
			case <-entered:
			default:
				close(entered)
			}
		}
		return memory.Verdict{}
	})
	l.start("m", dedupe())
	l.send("in", "early")
	l.until("the changelog's write", written.Load)
	l.send("in", "late")
	l.neverSettles(group, "in")
	select {
	case <-entered:
		t.Error("an output of the next generation was sent into the transaction that is being committed")
	default:
	}
	l.Release()
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"early", "late"}) {
		t.Errorf("outputs %q", got)
	}
}

// Random histories: records, kills, expulsions from the group, failing sends and
// commits, members that come and go, disks that are wiped. Whatever happens,
// each record's effect is there once: the outputs of a count are 1, 2, 3 ... for
// each key, and the table has the last of them.
func TestExactlyOnceThroughRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		t.Run("history", func(t *testing.T) { history(t, rt) })
	})
}

func history(t *testing.T, rt *rapid.T) {
	l := newLab(t, 3, "in", "out")
	running := map[string]*service{}
	want := map[string]int{}
	fail := func(kind memory.OpKind, v memory.Verdict) {
		after := rapid.IntRange(0, 6).Draw(rt, "after")
		l.SetHook(func(o memory.Op) memory.Verdict {
			if o.Kind == kind {
				if after == 0 {
					after--
					return v
				}
				after--
			}
			return memory.Verdict{}
		})
	}
	steps := rapid.IntRange(3, 24).Draw(rt, "steps")
	for range steps {
		machine := rapid.SampledFrom([]string{"m1", "m2"}).Draw(rt, "machine")
		switch step := rapid.SampledFrom([]string{"send", "send", "send", "start", "stop", "kill", "expel", "wipe",
			"fail produce", "fail commit", "refuse commit", "kill at produce", "kill at commit", "settle", "settle", "settle"}).Draw(rt, "step"); step {
		case "send":
			for range rapid.IntRange(1, 8).Draw(rt, "records") {
				k := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
				want[k]++
				l.send("in", k)
			}
		case "start":
			if running[machine] == nil {
				running[machine] = l.start(machine, countAndEmit(), briefDrain)
			}
		case "stop":
			if s := running[machine]; s != nil {
				_ = s.stop() // its last commit may be one that was made to fail
				delete(running, machine)
			}
		case "kill":
			l.kill(running["m1"], running["m2"])
			clear(running)
		case "expel":
			l.Expel(group)
		case "wipe":
			if len(running) == 0 {
				l.wipe()
			}
		case "fail produce":
			fail(memory.Produce, memory.Verdict{Err: errors.New("refused")})
		case "fail commit":
			fail(memory.Commit, memory.Verdict{Err: errors.New("refused")})
		case "refuse commit": // before the transaction ends
			fail(memory.Commit, memory.Verdict{Err: fmt.Errorf("refused: %w", transport.ErrTransactionOpen)})
		case "kill at produce":
			fail(memory.Produce, memory.Verdict{Kill: true})
		case "kill at commit":
			fail(memory.Commit, memory.Verdict{Kill: true})
		case "settle":
			if running["m1"] != nil || running["m2"] != nil {
				l.neverMind(group, "in")
			}
		}
	}
	l.kill(running["m1"], running["m2"])
	s := l.start("last", countAndEmit())
	if len(want) > 0 {
		l.settled(group, "in")
	}
	if err := s.stop(); err != nil {
		t.Fatalf("the last service: %v", err)
	}
	l.wantEachOnce(want)
}

// countAndEmit is a count whose every update is an output.
func countAndEmit() *pipeline.Topology {
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, _ string) error {
		n, _ := state.Get(ctx)
		state.Set(ctx, n+1)
		out.Emit(ctx, ctx.Key(), fmt.Sprint(n+1))
		return nil
	})
	return pipeline.New("app").From(input).Add(p).To(output)
}

// transactions makes a lab's services run in transactions.
func transactions(t *testing.T) func(*engine.Config) {
	return func(c *engine.Config) { c.ExactlyOnce = strings.HasPrefix(t.Name(), exactlyOnce) }
}

// A member that loses its partitions has sent outputs whose records another
// member handles again: its transaction must not be committed any more.
func TestExactlyOnceLostPartitionAbortsTheTransaction(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	var sent atomic.Bool
	l.SetHook(func(o memory.Op) memory.Verdict {
		if o.Kind == memory.Produce && o.Record.Topic == "out" && !sent.Swap(true) {
			return memory.Verdict{Hold: true} // so that it is not committed before it is lost
		}
		return memory.Verdict{}
	})
	l.start("m", dedupe())
	l.send("in", "a")
	l.until("an output that waits", sent.Load)
	l.Expel(group)
	l.Release()
	l.settled(group, "in")
	l.send("in", "b")
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("outputs %q, want a and b, once", got)
	}
}

// The same between two commits.
func TestExactlyOnceLostPartitionAbortsWhatWasSent(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	s := l.start("m", dedupe(), func(c *engine.Config) { c.CommitInterval = time.Hour })
	l.send("in", "a")
	acked := func(n int) func() bool {
		return func() bool {
			acks := 0
			for _, o := range l.Journal() {
				if o.Kind == memory.Ack && o.Record.Topic == "out" {
					acks++
				}
			}
			return acks == n
		}
	}
	l.until("the output", acked(1))
	l.Expel(group)
	l.until("the output, again", acked(2))
	if err := s.stop(); err != nil { // commits
		t.Fatal(err)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a, once", got)
	}
}

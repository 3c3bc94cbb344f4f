package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/storage"
)

// watched counts what an abort in place leaves alone.
type watched struct {
	restarts, opens, rebalances atomic.Int32
}

func (w *watched) config(c *pipeline.Config) {
	c.Metrics.Restarted = func(string, string, error) { w.restarts.Add(1) }
	c.Metrics.Rebalanced = func(string, string) { w.rebalances.Add(1) }
}

func (w *watched) engine(e *engine.Config) {
	open := e.OpenStore
	e.OpenStore = func(s engine.StoreSpec) (storage.Store, error) {
		w.opens.Add(1)
		return open(s)
	}
}

// once makes a hook that gives one operation of a kind its verdict, after others
// of that kind.
func once(kind memory.OpKind, topic string, after int32, v memory.Verdict) (h memory.Hook, done *atomic.Bool) {
	done = &atomic.Bool{}
	var n atomic.Int32
	return func(o memory.Op) memory.Verdict {
		if o.Kind == kind && (o.Record == nil || o.Record.Topic == topic) && n.Add(1) == after+1 {
			done.Store(true)
			return v
		}
		return memory.Verdict{}
	}, done
}

// A failure before a transaction's end takes back what all partitions did since
// the last commit, and does it again: the member stays in its group, and no
// store is closed.
func TestExactlyOnceAbortInPlace(t *testing.T) {
	refused := errors.New("refused")
	for name, f := range map[string]struct {
		kind  memory.OpKind
		topic string
		err   error
	}{
		"output":    {memory.Produce, "out", refused},
		"changelog": {memory.Produce, "seen", refused},
		"offsets":   {memory.Commit, "", fmt.Errorf("%w: %w", transport.ErrTransactionOpen, refused)},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 3, "in", "out")
			w := &watched{}
			s := l.startWith("m", countAndEmit(), w.config, w.engine)
			if err := s.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			send := func(n int) {
				for i := range n {
					k := fmt.Sprint("key-", i%17)
					want[k]++
					l.send("in", k)
				}
			}
			for round := range 5 {
				h, done := once(f.kind, f.topic, int32(round), memory.Verdict{Err: f.err})
				l.SetHook(h)
				for !done.Load() { // a commit may hold more or fewer records
					send(50)
					l.settled(group, "in")
				}
			}
			send(100)
			l.settled(group, "in")
			l.wantEachOnce(want)
			if w.restarts.Load() != 0 || w.opens.Load() != 3 || w.rebalances.Load() != 3 {
				t.Errorf("%d restarts, %d stores opened, %d assignments, want 0, 3 and 3",
					w.restarts.Load(), w.opens.Load(), w.rebalances.Load())
			}
		})
	}
}

// wantEachOnce compares the outputs and the table of countAndEmit with how often
// each key was sent.
func (l *lab) wantEachOnce(want map[string]int) {
	l.t.Helper()
	got := map[string][]string{}
	for _, r := range l.Records("out") {
		got[string(r.Key)] = append(got[string(r.Key)], string(r.Value))
	}
	counts := l.counts()
	for k, n := range want {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprint(i+1))
		}
		if !slices.Equal(got[k], all) || counts[k] != int64(n) {
			l.t.Fatalf("key %s was sent %d times: outputs %v, count %d", k, n, got[k], counts[k])
		}
	}
}

// What fails time and again ends the instance, whose restarts come with delays.
func TestExactlyOnceAbortsEndTheInstance(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	w := &watched{}
	l.SetHook(is(memory.Produce, "out", memory.Verdict{Err: errors.New("refused")}))
	l.startWith("m", dedupe(), w.config)
	l.send("in", "a")
	l.until("two restarts", func() bool { return w.restarts.Load() >= 2 })
	l.SetHook(nil)
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a, once", got)
	}
}

// A member that was expelled aborts and joins again; its processor does not
// start again.
func TestExactlyOnceExpelledMemberStays(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	w := &watched{}
	s := l.startWith("m", countAndEmit(), w.config)
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for i := range 60 {
		k := fmt.Sprint("key-", i%7)
		want[k]++
		l.send("in", k)
		if i%20 == 10 {
			l.Expel(group)
		}
	}
	l.settled(group, "in")
	l.wantEachOnce(want)
	if n := w.restarts.Load(); n != 0 {
		t.Errorf("%d restarts, want none", n)
	}
}

// A rewound input that is paused, since its queue is full, goes on.
func TestExactlyOnceAbortOfAFullQueue(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	w := &watched{}
	want := map[string]int{}
	for i := range 400 {
		k := fmt.Sprint("key-", i%7)
		want[k]++
		l.send("in", k)
	}
	h, _ := once(memory.Produce, "out", 20, memory.Verdict{Err: errors.New("refused")})
	l.SetHook(h)
	l.startWith("m", countAndEmit(), func(c *pipeline.Config) { w.config(c); c.PrefetchBytes = 1 },
		func(e *engine.Config) { e.CommitInterval = 5 * time.Millisecond })
	l.settled(group, "in")
	l.wantEachOnce(want)
	if n := w.restarts.Load(); n != 0 {
		t.Errorf("%d restarts, want none", n)
	}
}

// What was handled while the transaction was about to end is given up with it.
func TestExactlyOnceAbortTakesTheNextGenerationToo(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	var held atomic.Bool
	l.SetHook(func(o memory.Op) memory.Verdict {
		return memory.Verdict{Hold: o.Kind == memory.Produce && o.Record.Topic == "seen" && !held.Swap(true)}
	})
	handled := make(chan string, 10)
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		n, _ := state.Get(ctx)
		state.Set(ctx, n+1)
		out.Emit(ctx, ctx.Key(), fmt.Sprint(n+1))
		handled <- v
		return nil
	})
	l.start("m", pipeline.New("app").From(input).Add(p).To(output))
	l.send("in", "a")
	l.until("the changelog's write", held.Load)
	l.send("in", "b")
	for range 2 {
		<-handled
	}
	refuse, _ := once(memory.Commit, "", 0, memory.Verdict{Err: transport.ErrTransactionOpen})
	l.SetHook(refuse)
	l.Release()
	l.settled(group, "in")
	l.wantEachOnce(map[string]int{"a": 1, "b": 1})
	if len(handled) != 2 {
		t.Errorf("%d records were handled again, want both", len(handled))
	}
}

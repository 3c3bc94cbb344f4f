package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// faulty is a cluster whose reads of tables can be made to fail or to wait.
type faulty struct {
	transport.Cluster

	mu     sync.Mutex
	bounds func(context.Context, transport.TopicPartition) error
	read   func(context.Context, transport.TopicPartition) error
}

func (f *faulty) set(bounds, read func(context.Context, transport.TopicPartition) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bounds, f.read = bounds, read
}

func (f *faulty) Bounds(ctx context.Context, tp transport.TopicPartition) (first, end int64, err error) {
	f.mu.Lock()
	fault := f.bounds
	f.mu.Unlock()
	if fault != nil {
		if err := fault(ctx, tp); err != nil {
			return 0, 0, err
		}
	}
	return f.Cluster.Bounds(ctx, tp)
}

func (f *faulty) ReadTable(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	f.mu.Lock()
	fault := f.read
	f.mu.Unlock()
	if fault != nil {
		if err := fault(ctx, tp); err != nil {
			return err
		}
	}
	return f.Cluster.ReadTable(ctx, tp, from, until, each)
}

// times makes a fault that comes n times for one topic.
func times(n int, topic string, err error) func(context.Context, transport.TopicPartition) error {
	var mu sync.Mutex
	return func(_ context.Context, tp transport.TopicPartition) error {
		mu.Lock()
		defer mu.Unlock()
		if n > 0 && (topic == "" || tp.Topic == topic) {
			n--
			return err
		}
		return nil
	}
}

func on(f *faulty) func(*engine.Config) { return func(e *engine.Config) { e.Cluster = f } }

var errAway = errors.New("broker is away")

// A restore that fails closes its store: the next attempt could not open it
// otherwise.
func TestFailedRestoreClosesItsStore(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	f := &faulty{Cluster: l.Cluster}
	f.set(times(20, "seen", errAway), nil)
	s := l.start("m", dedupe(), on(f))
	l.send("in", "a", "b", "c")
	l.until("all to be committed", func() bool {
		s.Status() // looks at the stores, at any time
		n := int64(0)
		for _, o := range l.Committed(group)["in"] {
			n += o
		}
		return n == 3
	})
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if open := l.opened(); len(open) > 0 {
		t.Errorf("open after the end: %q", open)
	}
}

// A lookup that cannot be opened closes what it opened of its table.
func TestFailedLookupClosesItsStores(t *testing.T) {
	names := pipeline.NewTable("names", codec.String())
	l := newLab(t, 2, "in", "out", "names")
	p := pipeline.Process("dedupe")
	look := pipeline.Lookup(p, names)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		name, _ := look.Get(ctx, v)
		out.Emit(ctx, ctx.Key(), name)
		return nil
	})
	fails := 0
	f := &faulty{Cluster: l.Cluster}
	f.set(func(_ context.Context, tp transport.TopicPartition) error {
		if tp.Partition == 1 && fails < 3 { // after partition 0 was opened
			fails++
			return errAway
		}
		return nil
	}, nil)
	l.send("names", "a")
	s := l.start("m", pipeline.New("app").From(input, names).Add(p).To(output), on(f))
	l.send("in", "a")
	l.settled(group, "in")
	if got := l.Records("out"); len(got) != 1 || string(got[0].Value) != "a" {
		t.Errorf("outputs %v", got)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if open := l.opened(); len(open) > 0 {
		t.Errorf("open after the end: %q", open)
	}
}

// A partition that is lost and comes back while it is restored is opened again
// once the first attempt has closed its store.
func TestLostWhileRestoring(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.send("in", "a")
	s := l.start("m", dedupe())
	l.settled(group, "in")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	l.wipe()

	f := &faulty{Cluster: l.Cluster}
	reading, release := make(chan struct{}, 8), make(chan struct{})
	f.set(nil, func(ctx context.Context, tp transport.TopicPartition) error {
		if tp.Topic != "seen" {
			return nil
		}
		reading <- struct{}{}
		<-release // a store that is slow to let go
		return ctx.Err()
	})
	var rebalances, restarts atomic.Int32
	l.start("m", dedupe(), on(f), func(e *engine.Config) {
		e.Metrics.Rebalanced = func(string) { rebalances.Add(1) }
		e.Metrics.Restarted = func(string, error) { restarts.Add(1) }
	})
	<-reading
	l.Expel(group)
	l.until("the partition to be assigned again", func() bool { return rebalances.Load() > 1 })
	close(release)
	l.send("in", "b", "a")
	l.settled(group, "in")
	if n := restarts.Load(); n > 0 {
		t.Errorf("the processor was started again %d times", n)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("outputs %q, want a and b, once", got)
	}
}

// A handler that fails because its partition was lost does not stop the
// processor's other partitions.
func TestLostWhileHandling(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	handling := make(chan struct{}, 8)
	var first sync.Once
	p := pipeline.Process("dedupe")
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) (err error) {
		first.Do(func() {
			handling <- struct{}{}
			<-ctx.Done() // a call to the outside
			err = context.Cause(ctx)
		})
		out.Emit(ctx, ctx.Key(), v)
		return err
	})
	var restarts []error
	s := l.start("m", pipeline.New("app").From(input).Add(p).To(output), func(e *engine.Config) {
		e.Metrics.Restarted = func(_ string, err error) { restarts = append(restarts, err) }
	})
	l.send("in", "a")
	<-handling
	l.Expel(group)
	l.settled(group, "in")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if len(restarts) > 0 {
		t.Errorf("the processor started again after %v", restarts)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
}

// The end of the run's context ends it although no broker answers.
func TestDrainWhileBrokersAreAway(t *testing.T) {
	away := func(ctx context.Context, _ transport.TopicPartition) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	names := pipeline.NewTable("names", codec.String())
	looking := func() *pipeline.Topology {
		p := pipeline.Process("dedupe")
		pipeline.Lookup(p, names)
		pipeline.Input(p, input, func(*pipeline.Context, string) error { return nil })
		return pipeline.New("app").From(input, names).Add(p)
	}
	for name, start := range map[string]func(*lab, *faulty) *service{
		"lookup": func(l *lab, f *faulty) *service { return l.start("m", looking(), on(f), slowDrain) },
		"state":  func(l *lab, f *faulty) *service { return l.start("m", dedupe(), on(f), slowDrain) },
		"view": func(l *lab, f *faulty) *service {
			return l.startWith("m", dedupe(), func(c *pipeline.Config) { c.Views = []pipeline.Ref{seen} }, on(f), slowDrain)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, "in", "out", "names", "seen")
			f := &faulty{Cluster: l.Cluster}
			asked := make(chan struct{}, 64)
			f.set(func(ctx context.Context, tp transport.TopicPartition) error {
				asked <- struct{}{}
				return away(ctx, tp)
			}, nil)
			s := start(l, f)
			<-asked
			s.cancel()
			select {
			case <-s.ended:
			case <-time.After(20 * time.Second):
				t.Fatal("the run goes on")
			}
			if s.err != nil && !errors.Is(s.err, context.Canceled) {
				t.Errorf("it ended with %v", s.err)
			}
			if open := l.opened(); len(open) > 0 {
				t.Errorf("open after the end: %q", open)
			}
		})
	}
}

func slowDrain(e *engine.Config) { e.DrainTimeout = time.Hour }

// A follower whose store does not fit its log reads it in full, even if the
// store holds no key.
func TestFollowerOfALogMadeAnew(t *testing.T) {
	l := newLab(t, 1, "in", "out", "seen")
	open := func(c *pipeline.Config) { c.Views = []pipeline.Ref{seen} }
	for range 3 {
		if err := l.Append(&transport.Record{Topic: "seen", Key: []byte("x")}, false); err != nil {
			t.Fatal(err)
		}
	}
	s := l.startWith("m", dedupe(), open)
	if err := errors.Join(s.WaitReady(t.Context()), s.stop()); err != nil {
		t.Fatal(err)
	}
	fresh := newLab(t, 1, "in", "out", "seen")
	fresh.stores = l.stores
	fresh.send("in", "a")
	s = fresh.startWith("m", dedupe(), open)
	fresh.until("the view of the new log", func() bool {
		row, ok, err := s.Row(seen.Name(), "a")
		return err == nil && ok && string(row.Value) == "1"
	})
}

// Status and followers may be asked for at any time.
func TestQuestionsWhileStarting(t *testing.T) {
	names := pipeline.NewTable("names", codec.String())
	l := newLab(t, 4, "in", "out", "names")
	p := pipeline.Process("dedupe")
	pipeline.Lookup(p, names)
	pipeline.Join(p, names)
	pipeline.Input(p, input, func(*pipeline.Context, string) error { return nil })
	for range 5 {
		s := l.start("m", pipeline.New("app").From(input, names).Add(p))
		for !s.Ready() {
			_ = s.SyncTables(t.Context())
			_ = s.Status()
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		p = pipeline.Process("dedupe")
		pipeline.Lookup(p, names)
		pipeline.Join(p, names)
		pipeline.Input(p, input, func(*pipeline.Context, string) error { return nil })
	}
}

// Stock goka's view never closes its consumer. Ours has closed all that it
// opened once the run has ended.
func TestViewEndsWithTheRun(t *testing.T) {
	l := newLab(t, 2, "in", "out", "seen")
	f := &faulty{Cluster: l.Cluster}
	var reads atomic.Int32
	f.set(nil, func(context.Context, transport.TopicPartition) error { reads.Add(1); return nil })
	s := l.startWith("m", dedupe(), func(c *pipeline.Config) { c.Views = []pipeline.Ref{seen} }, on(f))
	if err := s.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.until("the view's reads", func() bool { return reads.Load() >= 2 })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if open := l.opened(); len(open) > 0 {
		t.Errorf("open after the end: %q", open)
	}
	if _, _, err := s.Row(seen.Name(), "a"); !errors.Is(err, pipeline.ErrNotRunning) {
		t.Errorf("a view of a run that ended: %v", err)
	}
}

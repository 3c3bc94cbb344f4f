package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/topics"
	"github.com/millrace/millrace/bench/internal/workload"
)

const (
	// rate is that of the records while something is killed, per second.
	rate = 1_000
	// settled is how long everything is left alone before a kill: standby
	// replicas catch up, and commits are made.
	settled = 15 * time.Second
	// patience bounds each wait.
	patience = 10 * time.Minute
)

// experiment is one run of a contender.
type experiment struct {
	c          contender.Contender
	args       contender.Args
	topics     *topics.Topics
	app, dir   string
	keys       int
	partitions int
	running    []*contender.Process
}

// dead says that a process has ended by itself.
func (e *experiment) dead() error {
	for _, p := range e.running {
		select {
		case <-p.Exited():
			return errors.New("a process has ended: see above")
		default:
		}
	}
	return nil
}

func (e *experiment) start(name string) (*contender.Process, error) {
	a := e.args
	a.State = filepath.Join(e.dir, name)
	var err error
	if a.Workload, err = workload.Find("count-1m"); err != nil {
		return nil, err
	}
	return e.c.Start(a)
}

// records are n of random keys, or one of each if n is 0.
func (e *experiment) records(n int) iter.Seq[workload.Record] {
	return func(yield func(workload.Record) bool) {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range max(n, e.keys) {
			if n > 0 {
				if i == n {
					return
				}
				i = random.IntN(e.keys)
			}
			v := make([]byte, 100)
			if !yield(workload.Record{Key: fmt.Appendf(nil, "key-%09d", i), Value: v}) {
				return
			}
		}
	}
}

func (e *experiment) run(ctx context.Context) (f figures, err error) {
	for _, topic := range []string{e.args.Input, e.args.Output} {
		if _, err := e.topics.Make(ctx, topic, false); err != nil {
			return f, err
		}
	}
	// Both start with nothing, so that either has half of the partitions.
	one, err := e.start("one")
	if err != nil {
		return f, err
	}
	defer one.Kill()
	two, err := e.start("two")
	if err != nil {
		return f, err
	}
	defer func() { two.Kill() }()
	e.running = []*contender.Process{one, two}
	if err := rest(ctx, settled); err != nil {
		return f, err
	}
	if err := e.topics.Fill(ctx, e.args.Input, e.records(0)); err != nil {
		return f, err
	}
	if err := e.caughtUp(ctx); err != nil {
		return f, err
	}
	if err := rest(ctx, settled); err != nil {
		return f, err
	}
	w, err := e.watch(ctx)
	if err != nil {
		return f, err
	}
	defer w.close()
	if err := e.flows(ctx, w, time.Now()); err != nil {
		return f, err
	}

	killed := time.Now()
	e.running = []*contender.Process{two}
	one.Kill()
	if err := e.flows(ctx, w, killed.Add(time.Second)); err != nil {
		return f, err
	}
	f.failover = w.silences(killed)
	if err := rest(ctx, settled); err != nil {
		return f, err
	}

	for _, measured := range []struct {
		restart *time.Duration
		empty   bool // the session of the one that was killed is over
	}{{&f.restart, true}, {&f.atOnce, false}} {
		e.running = nil
		two.Kill()
		if measured.empty {
			if err := e.topics.Empty(ctx, e.c.Groups(e.app, workload.Count)[0]); err != nil {
				return f, err
			}
		}
		started := time.Now()
		again, err := e.start("two")
		if err != nil {
			return f, err
		}
		two, e.running = again, []*contender.Process{again}
		if err := e.flows(ctx, w, started); err != nil {
			return f, err
		}
		*measured.restart = slices.Max(w.firsts(started))
		if err := rest(ctx, settled); err != nil {
			return f, err
		}
	}
	return f, nil
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// caughtUp waits until all of the input is committed.
func (e *experiment) caughtUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		n, _, err := e.topics.Committed(ctx, e.c.Groups(e.app, workload.Count), e.args.Input)
		if err != nil {
			return err
		}
		if n >= int64(e.keys) {
			return nil
		}
		if err := e.dead(); err != nil {
			return err
		}
		if err := rest(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("waited for %d of %d records: %w", n, e.keys, err)
		}
	}
}

// watch offers records and watches what comes out, until it is closed.
type watch struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	came    [][]arrival // by partition
	err     error
}

// arrival is when an output came, and when its input was sent.
type arrival struct{ at, sent time.Time }

func (e *experiment) watch(ctx context.Context) (*watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, came: make([][]arrival, e.partitions)}
	cl, err := kgo.NewClient(kgo.SeedBrokers(e.args.Brokers...), kgo.ConsumeTopics(e.args.Output), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	w.running.Go(func() {
		defer cl.Close()
		for {
			fetches := cl.PollFetches(ctx)
			if ctx.Err() != nil {
				return
			}
			now := time.Now()
			w.mu.Lock()
			fetches.EachRecord(func(r *kgo.Record) {
				w.came[r.Partition] = append(w.came[r.Partition], arrival{now, r.Timestamp})
			})
			w.mu.Unlock()
		}
	})
	w.running.Go(func() {
		err := e.topics.Offer(ctx, e.args.Input, e.records(int(patience.Seconds())*rate), rate)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = err
	})
	return w, nil
}

func (w *watch) close() {
	w.cancel()
	w.running.Wait()
}

// flows waits until every partition has an output of an input that was sent
// after a time.
func (e *experiment) flows(ctx context.Context, w *watch, after time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		w.mu.Lock()
		err, all := errors.Join(w.err, e.dead()), true
		for _, as := range w.came {
			all = all && len(as) > 0 && as[len(as)-1].sent.After(after)
		}
		w.mu.Unlock()
		if err != nil || all {
			return err
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("not every partition has outputs: %w", err)
		}
	}
}

// silences returns the longest time between two outputs of each partition,
// around and after a time.
func (w *watch) silences(since time.Time) (ds []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, as := range w.came {
		var longest time.Duration
		for i := 1; i < len(as); i++ {
			if as[i].at.After(since) {
				longest = max(longest, as[i].at.Sub(as[i-1].at))
			}
		}
		ds = append(ds, longest)
	}
	slices.Sort(ds)
	return ds
}

// firsts returns how long after a time each partition had its first output.
func (w *watch) firsts(since time.Time) (ds []time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, as := range w.came {
		for _, a := range as {
			if a.at.After(since) {
				ds = append(ds, a.at.Sub(since))
				break
			}
		}
	}
	return ds
}

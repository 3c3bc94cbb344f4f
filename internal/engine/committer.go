package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// committer runs the commit cycle of an instance.
//
// The cycle, for the frozen generations of all its tasks:
//
//  1. wait for the outputs' acknowledgements,
//  2. write the changelogs and wait for theirs,
//  3. commit the input offsets, and with them the transaction if there is one,
//  4. hand the state to the stores, which write it behind.
//
// The order of 1 and 2 is what keeps a dedupe from losing records: were the
// changelog first, a kill in between would restore "seen" for a record whose
// output nobody has. A transaction spans 1 to 3, see transaction.go: there the
// order of 1 and 2 does not matter, and nothing is waited for in between.
//
// Handlers go on meanwhile in the next generation.
type committer struct {
	in *instance

	mu      sync.Mutex // one cycle at a time
	failure error      // of the last cycle; there is no other before an abort
	aborts  int        // since the last commit
	started chan struct{}
	early   chan struct{}
	behind  *behind
}

func newCommitter(in *instance) *committer {
	return &committer{in: in, started: make(chan struct{}, 1), early: make(chan struct{}, 1),
		behind: &behind{ended: make(chan error, 1)}}
}

// work says that there is something to commit from now on.
func (c *committer) work() { poke(c.started) }

// hurry asks for a commit before its time.
func (c *committer) hurry() { poke(c.early) }

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// run commits at every interval in which something was processed. An idle
// instance sleeps.
func (c *committer) run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer c.behind.wait()
	for {
		select {
		case <-c.started:
		case err := <-c.behind.ended:
			if c.behind.end(err) != nil {
				return err
			}
			continue
		case <-ctx.Done():
			return nil
		}
		timer.Reset(c.in.e.cfg.CommitInterval)
		select {
		case <-timer.C:
		case <-c.early:
		case <-ctx.Done():
			return nil
		}
		if err := c.commit(ctx, c.in.activeTasks()); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if !c.in.abortable(err) {
				return err
			}
			c.in.wait(event{kind: aborted, err: err})
			continue
		}
		if err := c.behind.save(c.in.activeTasks()); err != nil {
			return err
		}
	}
}

// frozenTask is a task with its generation that is being committed.
type frozenTask struct {
	*task
	g *generation
}

// failed returns why there can be no commit before an abort.
func (c *committer) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// commit runs one cycle over tasks.
func (c *committer) commit(ctx context.Context, tasks []*task) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = c.cycle(ctx, tasks)
	}
	return c.failure
}

func (c *committer) cycle(ctx context.Context, tasks []*task) error {
	start := time.Now()
	exactlyOnce := c.in.e.cfg.ExactlyOnce
	if exactlyOnce {
		tasks = c.in.hold() // the transaction is that of all
	}
	var frozen []frozenTask
	for _, t := range tasks {
		if t.ctx.Err() != nil {
			if exactlyOnce && errors.Is(context.Cause(t.ctx), errLost) {
				return errLostInTransaction // what it sent is part of the transaction
			}
			continue
		}
		g, err := t.freeze()
		if err != nil {
			return err
		}
		if g == nil {
			continue
		}
		frozen = append(frozen, frozenTask{t, g})
	}
	if len(frozen) == 0 {
		if exactlyOnce {
			c.in.release()
		}
		return nil
	}
	frozen, err := c.each(frozen, func(f frozenTask) error {
		f.g.out.push(f.ctx, c.in.group) // if it is not yet
		return f.g.out.wait(f.ctx)
	})
	if err != nil {
		return c.stepError("flush outputs", err)
	}
	for _, f := range frozen {
		f.g.changelog.push(f.ctx, c.in.group) // if it is not yet
	}
	frozen, err = c.each(frozen, func(f frozenTask) error { return f.g.changelog.wait(f.ctx) })
	if err != nil {
		return c.stepError("flush changelogs", err)
	}
	if frozen, err = c.offsets(ctx, frozen); err != nil {
		return c.stepError("commit offsets", err)
	}
	if exactlyOnce {
		if err := c.in.begin(ctx); err != nil {
			return err
		}
		c.in.release()
	}
	stats := CommitStats{Processor: c.in.spec.Name, Duration: time.Since(start),
		Inputs: c.in.topics, Oldest: make([]time.Time, len(c.in.topics))}
	for _, f := range frozen {
		f.committed(f.g)
		stats.add(f.g)
		f.g.out.recycle()
		f.g.changelog.recycle()
	}
	c.aborts = 0
	c.in.e.cfg.Metrics.committed(stats)
	return nil
}

// each runs a step for every task and returns those that are still ours. What
// failed because its partition was lost is dropped: another member does it.
func (c *committer) each(frozen []frozenTask, step func(frozenTask) error) ([]frozenTask, error) {
	kept := frozen[:0]
	for _, f := range frozen {
		err := step(f)
		if errors.Is(context.Cause(f.ctx), errLost) {
			if c.in.e.cfg.ExactlyOnce {
				return nil, errLostInTransaction
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, f)
	}
	return kept, nil
}

// offsets commits where the tasks have come to, and returns those that are
// still ours. A rebalance that is under way is waited out: the partitions are
// ours until they are revoked, and a revocation commits them itself. A member
// that was fenced loses its partitions soon; until it is told so, it may as
// well be a commit that crossed the start of a new generation of the group.
func (c *committer) offsets(ctx context.Context, frozen []frozenTask) ([]frozenTask, error) {
	ctx, cancel := context.WithTimeout(ctx, offsetsTimeout)
	defer cancel()
	fenced := time.Time{} // since when
	alive := func(frozenTask) error { return nil }
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		var err error
		frozen, err = c.each(frozen, alive) // in place: the longer slice must not be used again
		if len(frozen) == 0 {
			return nil, err
		}
		if c.in.e.cfg.ExactlyOnce {
			err = c.in.group.CommitTransaction(ctx, positions(frozen))
		} else {
			err = c.in.group.Commit(ctx, positions(frozen))
		}
		if !errors.Is(err, transport.ErrRebalance) && !errors.Is(err, transport.ErrFenced) {
			return frozen, err
		}
		switch {
		case !errors.Is(err, transport.ErrFenced):
			fenced = time.Time{}
		case fenced.IsZero():
			fenced = time.Now()
		case time.Since(fenced) > fencedTimeout:
			return nil, err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		}
	}
}

const (
	// offsetsTimeout bounds how long a commit of offsets is tried again.
	offsetsTimeout = time.Minute
	// fencedTimeout bounds how long a member that is out of the group waits to
	// be told what it lost. It starts again then.
	fencedTimeout = 5 * time.Second
)

func positions(frozen []frozenTask) transport.Offsets {
	offsets := transport.Offsets{}
	for _, f := range frozen {
		for i, n := range f.g.next {
			if n < 0 {
				continue
			}
			topic := f.queue.inputs[i].topic
			if offsets[topic] == nil {
				offsets[topic] = map[int32]int64{}
			}
			offsets[topic][f.id] = n
		}
	}
	return offsets
}

func (c *committer) stepError(step string, err error) error {
	return fmt.Errorf("processor %s: commit: %s: %w", c.in.spec.Name, step, err)
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// awaitStores waits until those who had the task's stores before have closed
// them.
func (t *task) awaitStores() {
	if t.before != nil {
		<-t.before.closed
		t.before = nil
	}
	if t.beforeStandby != nil {
		<-t.beforeStandby
	}
}

// open opens the task's stores, restores them from their changelogs, and waits
// until the tables that it joins have caught up. It runs on a goroutine of its
// own and ends early when the task is taken away.
func (t *task) open() error {
	start := time.Now()
	standby, err := t.openStores()
	if err != nil {
		return err
	}
	for i, s := range t.in.spec.States {
		tp := transport.TopicPartition{Topic: s.Ref.Name, Partition: t.id}
		store := t.states[i].store
		tell := func(s RestoreStats) { t.restoring.Store(&s) }
		if err := t.in.e.restore(t.ctx, tp, store, t.in.spec.Name, tell); err != nil {
			return fmt.Errorf("restore table %s, partition %d: %w", s.Ref.Name, t.id, err)
		}
		t.states[i].State = t.openTable(i, t.states[i])
		t.view.States = append(t.view.States, t.states[i].State)
	}
	if err := t.place(t.ctx); err != nil {
		return err
	}
	if err := t.openOvertaking(); err != nil {
		return err
	}
	for _, j := range t.in.spec.Joins {
		f, err := t.in.follow(t.ctx, j, t.id, "join")
		if err != nil {
			return err
		}
		t.in.mu.Lock()
		t.joins = append(t.joins, f)
		t.in.mu.Unlock()
		t.view.Joins = append(t.view.Joins, f.mirror)
	}
	for _, f := range t.joins {
		if err := f.caughtUp(t.ctx); err != nil {
			return err
		}
	}
	t.in.log.Debug("partition opened", "partition", t.id, "took", time.Since(start))
	if standby {
		t.in.log.Info("standby promoted", "partition", t.id, "took", time.Since(start).Round(time.Millisecond))
		t.in.e.cfg.Metrics.promoted(t.in.spec.Name, t.id)
	}
	return nil
}

// openStores opens the task's stores, of which it may take over those of a
// standby; standby says whether it got all of them so.
func (t *task) openStores() (standby bool, err error) {
	taken := make([]storage.Store, len(t.in.spec.States))
	if t.standby != nil {
		taken, standby = t.standby.take(), true
		t.standby = nil
	}
	var errs []error
	for i := range t.in.spec.States {
		spec := stateSpec(t.in.spec, i, t.id)
		spec.Mode, spec.Convert = storage.Owner, true
		store := taken[i]
		if store == nil {
			standby = false
			if store, err = t.in.e.openStore(spec); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		t.in.mu.Lock() // for those who look on
		t.states = append(t.states, &openState{store: store, topic: spec.Topic})
		t.in.mu.Unlock()
	}
	return standby, errors.Join(errs...)
}

// close ends the task. What is committed is written to the stores if all went
// well; otherwise the stores stay at their last batch, and the changelog has
// the rest.
func (t *task) close(save bool) error {
	_, err := t.end(save, false)
	return err
}

// yield is close, but leaves the stores open, as a standby's. One that is nil
// was closed because of a failure.
func (t *task) yield(save bool) ([]storage.Store, error) { return t.end(save, true) }

func (t *task) end(save, yield bool) (yielded []storage.Store, err error) {
	t.cancel(errStopped)
	t.endAhead()
	t.writing.Lock()
	defer t.writing.Unlock()
	var errs []error
	for _, f := range t.joins {
		errs = append(errs, f.close())
	}
	position := int64(0)
	for _, s := range t.states {
		var err error
		if save && s.State != nil {
			err = s.Write()
		}
		store := s.store
		if yield && err == nil {
			err = storage.SetMode(store, storage.Follower)
		}
		if !yield || err != nil {
			err = errors.Join(err, store.Close())
			store = nil
		}
		next, _ := s.store.Offset()
		position += next
		yielded, errs = append(yielded, store), append(errs, err)
	}
	t.in.standbys.leave(t.id, position)
	t.in.mu.Lock() // for those who look on
	t.joins, t.states = nil, nil
	t.in.mu.Unlock()
	close(t.closed)
	if err := errors.Join(errs...); err != nil {
		return yielded, fmt.Errorf("processor %s, partition %d: close: %w", t.in.spec.Name, t.id, err)
	}
	return yielded, nil
}

// await lets a handler wait for a joined table.
func (t *task) await(i int, at time.Time) error {
	wait := time.Duration(t.in.spec.Joins[i].Wait)
	if wait <= 0 {
		return nil
	}
	return t.joins[i].reach(t.ctx, at, wait)
}

// openLookups follows the whole tables that the processor looks things up in.
// There is nothing to drain yet: a drain ends the instance at once.
func (in *instance) openLookups(drain <-chan struct{}) error {
	var watch sync.WaitGroup
	opened := make(chan struct{})
	defer watch.Wait()
	defer close(opened)
	watch.Go(func() {
		select {
		case <-drain:
			in.cancel(errStopped)
		case <-opened:
		}
	})
	var followers []*follower
	for _, l := range in.spec.Lookups {
		lt, fs, err := in.e.followAll(in.ctx, l, in.spec.Name, "lookup")
		followers = append(followers, fs...)
		in.mu.Lock()
		in.followers = followers
		in.mu.Unlock()
		if err != nil {
			return fmt.Errorf("processor %s: %w", in.spec.Name, err)
		}
		in.lookups = append(in.lookups, lt)
	}
	for _, f := range followers {
		if err := f.caughtUp(in.ctx); err != nil {
			return fmt.Errorf("processor %s: %w", in.spec.Name, err)
		}
	}
	return nil
}

func (in *instance) closeLookups() error {
	var errs []error
	for _, f := range in.followers {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

func (in *instance) follow(ctx context.Context, l graph.Lookup, p int32, role string) (*follower, error) {
	return in.e.follow(ctx, l, p, in.spec.Name, role)
}

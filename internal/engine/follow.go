package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// follower keeps one partition of a table that others write up to date: for
// joins, lookups, views and standbys. It owns a goroutine and a store of its own.
type follower struct {
	e      *Engine
	tp     transport.TopicPartition
	base   storage.Store
	store  *storage.FollowerStore // in front of base
	mirror table.Mirror
	proc   string // whose it is
	role   string // join, lookup, view or standby
	begin  int64  // where it began to read
	target int64  // the end of the log when it began

	cancel context.CancelFunc
	done   chan struct{}

	feed          sync.Mutex // held while a batch is applied and passed on
	subscriptions map[*Subscription]struct{}

	mu       sync.Mutex
	position int64     // the next offset
	end      int64     // the high watermark, as of the last batch
	latest   time.Time // the highest timestamp seen
	err      error     // why it ended
	trouble  error     // why it does not get on now
	progress chan struct{}
}

// follow starts to follow one partition of a table.
func (e *Engine) follow(ctx context.Context, l graph.Lookup, p int32, proc, role string) (*follower, error) {
	tp := transport.TopicPartition{Topic: l.Ref.Name, Partition: p}
	store, err := e.openStore(StoreSpec{TopicPartition: tp, Processor: proc, Role: role, Mode: storage.Follower})
	if err != nil {
		return nil, err
	}
	open := func(r storage.Reader) table.Mirror { return l.Open(l.Ref.Name, r) }
	return e.followInto(ctx, tp, store, storage.FollowerOptions{}, open, proc, role)
}

// followInto follows one partition of a table into a store, which is the
// follower's from then on, whatever is returned.
func (e *Engine) followInto(ctx context.Context, tp transport.TopicPartition, store storage.Store, o storage.FollowerOptions,
	open func(storage.Reader) table.Mirror, proc, role string) (*follower, error) {
	f := &follower{e: e, tp: tp, proc: proc, role: role, base: store, done: make(chan struct{}), progress: make(chan struct{}),
		subscriptions: map[*Subscription]struct{}{}}
	f.store = storage.NewFollower(store, o)
	f.mirror = open(f.store)
	first, end, err := e.cfg.Cluster.Bounds(ctx, tp)
	if err != nil {
		return nil, errors.Join(err, f.store.Close())
	}
	f.target, f.end, f.position, f.begin = end, end, first, first
	if next, ok := store.Offset(); ok && next <= end {
		f.begin = next
	}
	ctx, f.cancel = context.WithCancel(ctx)
	go func() {
		defer close(f.done)
		err := f.run(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.err = err
		close(f.progress)
		f.progress = nil
	}()
	return f, nil
}

// run reads the table until ctx ends. Failures are tried again: a follower
// that cannot read serves what it has.
func (f *follower) run(ctx context.Context) error {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 10*time.Second) {
		first, _, err := f.e.cfg.Cluster.Bounds(ctx, f.tp)
		if err == nil {
			from, ok := f.store.Offset()
			if !ok {
				from = first
			}
			f.advance(from, -1, time.Time{})
			err = f.e.cfg.Cluster.ReadTable(ctx, f.tp, from, -1, func(b transport.TableBatch) error {
				delay = 100 * time.Millisecond
				return f.apply(b)
			})
		}
		var gone *transport.OffsetOutOfRangeError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &gone):
			if err = f.clear(gone.First); err == nil {
				continue
			}
		}
		f.mu.Lock()
		f.trouble = err
		f.mu.Unlock()
		f.e.cfg.Logger.Warn("cannot follow table; it is tried again", "processor", f.proc, "topic", f.tp.Topic,
			"partition", f.tp.Partition, "error", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *follower) apply(b transport.TableBatch) error {
	f.feed.Lock()
	defer f.feed.Unlock()
	keys := make([][]byte, 0, len(b.Records))
	var latest time.Time
	for _, r := range b.Records {
		var err error
		if r.Value == nil {
			err = f.store.Delete(r.Key, r.Offset+1)
		} else {
			err = f.store.Put(r.Key, r.Value, r.Offset+1)
		}
		if err != nil {
			return err
		}
		keys = append(keys, r.Key)
		if r.Timestamp.After(latest) {
			latest = r.Timestamp
		}
	}
	f.mirror.Invalidate(keys...)
	for s := range f.subscriptions {
		s.offer(b.Records)
	}
	if f.role == standbyRole { // past the markers of transactions, too: its owner need not read them
		if err := f.store.SetOffset(b.Next); err != nil {
			return err
		}
	}
	f.advance(b.Next, b.End, latest)
	if b.Next >= b.End && f.role != standbyRole { // at rest, nothing waits in memory
		return f.store.Flush()
	}
	return nil
}

// clear throws away what the store holds, since the log was made anew.
func (f *follower) clear(first int64) error {
	defer f.endFeed(ErrReset, false)
	f.e.cfg.Logger.Warn("followed table does not match its log; it is read in full", "processor", f.proc,
		"topic", f.tp.Topic, "partition", f.tp.Partition)
	var keys [][]byte // to be forgotten by the mirror, which caches values
	it := f.store.Range(nil, nil)
	for it.Next() {
		keys = append(keys, append([]byte(nil), it.Key()...))
	}
	if err := errors.Join(it.Err(), it.Close()); err != nil {
		return err
	}
	err := f.store.Clear(first)
	f.mirror.Invalidate(keys...)
	return err
}

func (f *follower) advance(next, end int64, latest time.Time) {
	f.mu.Lock()
	caughtUp := f.position < f.target && next >= f.target
	defer func() {
		f.mu.Unlock()
		if caughtUp {
			f.e.notify() // a view that is ready may make the service ready
		}
	}()
	f.position = next
	if end >= 0 {
		f.end, f.trouble = end, nil
	}
	if latest.After(f.latest) {
		f.latest = latest
	}
	if f.progress != nil {
		close(f.progress)
		f.progress = make(chan struct{})
	}
}

// caughtUp waits until the follower has read what was in the log when it
// began.
func (f *follower) caughtUp(ctx context.Context) error {
	return f.until(ctx, func() bool { return f.position >= f.target })
}

// reach waits until the follower has seen a record as new as at, but not
// longer than wait.
func (f *follower) reach(ctx context.Context, at time.Time, wait time.Duration) error {
	f.mu.Lock()
	there := !f.latest.Before(at)
	f.mu.Unlock()
	if there {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err := f.until(bounded, func() bool { return !f.latest.Before(at) })
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil // as far as it has come
	}
	return err
}

// until waits for a condition on the follower's fields.
func (f *follower) until(ctx context.Context, cond func() bool) error {
	for {
		f.mu.Lock()
		ok, progress, err := cond(), f.progress, f.err
		f.mu.Unlock()
		switch {
		case ok:
			return nil
		case progress == nil:
			return fmt.Errorf("follow table %s, partition %d: %w", f.tp.Topic, f.tp.Partition, err)
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close ends the follower and closes its store.
func (f *follower) close() error {
	f.cancel()
	<-f.done
	f.endFeed(ErrEnded, true)
	return f.store.Close()
}

// detach ends the follower and returns its store, open; nil if what waited could
// not be written, with the store closed.
func (f *follower) detach() storage.Store {
	f.cancel()
	<-f.done
	f.endFeed(ErrEnded, true)
	store, err := f.store.Detach()
	if err != nil {
		f.e.cfg.Logger.Warn("store of a standby is opened again", "processor", f.proc, "topic", f.tp.Topic,
			"partition", f.tp.Partition, "error", errors.Join(err, f.store.Close()))
		return nil
	}
	return store
}

// followAll follows every partition of a table.
func (e *Engine) followAll(ctx context.Context, l graph.Lookup, proc, role string) (graph.LookupTable, []*follower, error) {
	n, ok := e.partitions(l.Ref.Name)
	if !ok {
		return graph.LookupTable{}, nil, fmt.Errorf("table %s: %w", l.Ref.Name, transport.ErrUnknownTopic)
	}
	by := e.partitioners()[l.Ref.Name]
	lt := graph.LookupTable{Of: func(key []byte) int32 { return by.Partition(key, n) }}
	var fs []*follower
	for p := range n {
		f, err := e.follow(ctx, l, p, proc, role)
		if err != nil {
			return lt, fs, err
		}
		fs = append(fs, f)
		lt.Partitions = append(lt.Partitions, f.mirror)
	}
	return lt, fs, nil
}

// SyncFollowers waits until every join, lookup and view has read what is in
// its topic now. It is for tests.
func (e *Engine) SyncFollowers(ctx context.Context) error {
	for _, f := range e.allFollowers() {
		_, end, err := e.cfg.Cluster.Bounds(ctx, f.tp)
		if err != nil {
			return err
		}
		err = f.until(ctx, func() bool { return f.position >= end })
		if err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

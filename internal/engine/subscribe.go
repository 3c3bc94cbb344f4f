package engine

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// What ends a subscription, beside its Close.
var (
	ErrSlow  = errors.New("the reader is too slow: too many changes wait")
	ErrReset = errors.New("the table was made anew")
	ErrEnded = errors.New("the view was closed")
)

// Subscription gets the changes of a view's table in a range of keys: the
// state when it began, and each change after it, none twice and none left out.
// Changes of one key come in order.
type Subscription struct {
	// Initial are the partitions as they were when the subscription began. They
	// hold on to old values: Release lets them go.
	Initial []storage.Snapshot

	from, to  []byte // a nil to is open
	limit     int64
	followers []*follower

	mu    sync.Mutex
	queue []*transport.Record
	bytes int64
	err   error
	wake  chan struct{}
}

// Subscribe subscribes to a view's table; ok is false while the engine does
// not run or for a table without a view. More than limit bytes of changes that
// wait end the subscription with ErrSlow.
func (e *Engine) Subscribe(name string, from, to []byte, limit int64) (s *Subscription, ok bool, err error) {
	e.mu.Lock()
	v := e.views[name]
	if v == nil || v.followers == nil {
		e.mu.Unlock()
		return nil, false, nil
	}
	s = &Subscription{from: from, to: to, limit: limit, followers: v.followers, wake: make(chan struct{}, 1)}
	e.mu.Unlock()
	for _, f := range s.followers {
		snap, err := f.subscribe(s)
		if err != nil {
			s.Close()
			return nil, true, err
		}
		s.Initial = append(s.Initial, snap)
	}
	return s, true, nil
}

// Next waits for changes and returns all that wait, in order. A record without
// a value is a deletion. The records must not be changed.
func (s *Subscription) Next(ctx context.Context) ([]*transport.Record, error) {
	for {
		s.mu.Lock()
		q, err := s.queue, s.err
		s.queue, s.bytes = nil, 0
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(q) > 0 {
			return q, nil
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Release lets the initial state go.
func (s *Subscription) Release() {
	for _, snap := range s.Initial {
		_ = snap.Close() // it is only read
	}
	s.Initial = nil
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.Release()
	for _, f := range s.followers {
		f.feed.Lock()
		delete(f.subscriptions, s)
		f.feed.Unlock()
	}
}

// offer is called by the followers, on their goroutines.
func (s *Subscription) offer(records []*transport.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	n := len(s.queue)
	for _, r := range records {
		if bytes.Compare(r.Key, s.from) < 0 || s.to != nil && bytes.Compare(r.Key, s.to) >= 0 {
			continue
		}
		s.queue = append(s.queue, r)
		s.bytes += int64(len(r.Key)+len(r.Value)) + recordOverhead
	}
	if s.bytes > s.limit {
		s.queue, s.err = nil, ErrSlow
	}
	if len(s.queue) > n || s.err != nil {
		poke(s.wake)
	}
}

func (s *Subscription) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	poke(s.wake)
}

// subscribe adds a subscription between two batches, with a snapshot of what
// was before it.
func (f *follower) subscribe(s *Subscription) (storage.Snapshot, error) {
	f.feed.Lock()
	defer f.feed.Unlock()
	if f.subscriptions == nil {
		return nil, ErrEnded
	}
	snap, err := f.store.Snapshot()
	if err != nil {
		return nil, err
	}
	f.subscriptions[s] = struct{}{}
	return snap, nil
}

// endFeed ends all subscriptions; a follower that is closed takes no more.
func (f *follower) endFeed(err error, closed bool) {
	f.feed.Lock()
	defer f.feed.Unlock()
	for s := range f.subscriptions {
		s.fail(err)
	}
	clear(f.subscriptions)
	if closed {
		f.subscriptions = nil
	}
}

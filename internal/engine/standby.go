package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

// standbyRole is the role of a standby's followers. The folder is that of the
// role "state": it goes to and fro between owner and standby.
const standbyRole = "standby"

// standby keeps the stores of a partition that another member owns up to date,
// so that they are at hand when this one becomes the owner.
//
//	opening ──▶ following ──take──▶ the stores are the new task's
//	   │            └──────stop──▶ the stores are closed
//	   └─────────stop──▶
//
// It follows the committed part of the changelogs: whatever becomes of the
// owner's open transaction, none of it is here. What is committed later than it
// has come to, the new owner reads as after any other start.
type standby struct {
	in *instance
	id int32

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed once the stores are closed, or ready to be taken

	mu        sync.Mutex
	followers []*follower     // by state; nil until it is opened
	handOver  bool            // the stores are to be taken
	stores    []storage.Store // by state, when handed over; nil for one that failed
}

func newStandby(in *instance, id int32) *standby {
	n := len(in.spec.States)
	s := &standby{in: in, id: id, ended: make(chan struct{}), followers: make([]*follower, n), stores: make([]storage.Store, n)}
	s.ctx, s.cancel = context.WithCancel(in.ctx)
	return s
}

// run opens the stores, or goes on with those that a task leaves, once the
// channels are closed of those who had them before. It returns when the standby
// was stopped or taken.
func (s *standby) run(before []<-chan struct{}, left []storage.Store) {
	defer close(s.ended)
	for _, closed := range before {
		select {
		case <-closed:
		case <-s.ctx.Done():
			return
		}
	}
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 10*time.Second) {
		err := s.open(left)
		left = nil
		if err == nil || s.ctx.Err() != nil {
			break
		}
		s.in.log.Warn("cannot keep a standby; it is tried again", "partition", s.id, "error", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-s.ctx.Done():
		}
	}
	<-s.ctx.Done()
	s.end()
}

// open follows the changelogs that are not followed yet.
func (s *standby) open(left []storage.Store) error {
	var errs []error
	for i := range s.in.spec.States {
		if s.follower(i) != nil {
			continue
		}
		spec := stateSpec(s.in.spec, i, s.id)
		spec.Mode, spec.Convert = storage.Follower, true
		var store storage.Store
		if left != nil {
			store = left[i]
		}
		if store == nil {
			var err error
			if store, err = s.in.e.openStore(spec); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		// Batches are large: what a kill takes from memory is read again.
		f, err := s.in.e.followInto(s.ctx, spec.TopicPartition, store, storage.FollowerOptions{MaxDelay: time.Second},
			func(storage.Reader) table.Mirror { return noMirror{} }, s.in.spec.Name, standbyRole)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.mu.Lock()
		s.followers[i] = f
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

// end closes the stores, or leaves them open for who takes them.
func (s *standby) end() {
	s.mu.Lock()
	followers, handOver := s.followers, s.handOver
	s.followers = make([]*follower, len(followers))
	s.mu.Unlock()
	for i, f := range followers {
		switch {
		case f == nil:
		case handOver:
			s.stores[i] = f.detach()
		default:
			if err := f.close(); err != nil {
				s.in.log.Warn("could not close the store of a standby", "partition", s.id, "error", err)
			}
		}
	}
}

// take ends the standby and returns its stores, by state, in the owner's mode.
// One that is nil is closed and to be opened by whoever needs it.
func (s *standby) take() []storage.Store {
	s.mu.Lock()
	s.handOver = true
	s.mu.Unlock()
	s.cancel()
	<-s.ended
	for i, store := range s.stores {
		if store == nil {
			continue
		}
		if err := storage.SetMode(store, storage.Owner); err != nil {
			s.in.log.Warn("store of a standby is opened again", "partition", s.id, "error", errors.Join(err, store.Close()))
			s.stores[i] = nil
		}
	}
	return s.stores
}

func (s *standby) follower(i int) *follower {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.followers[i]
}

// opened are its followers, for those who look on.
func (s *standby) opened() (fs []*follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.followers {
		if f != nil {
			fs = append(fs, f)
		}
	}
	return fs
}

// position is the sum of the changelogs' offsets up to which it has come.
func (s *standby) position() (sum int64) {
	for _, f := range s.opened() {
		f.mu.Lock()
		sum += f.position
		f.mu.Unlock()
	}
	return sum
}

// noMirror is for a follower whose values nobody reads.
type noMirror struct{}

func (noMirror) Invalidate(...[]byte) {}

package engine

import (
	"maps"
	"sync"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// standbys are the standbys of an instance. Which there are is decided with the
// assignment: in each rebalance the group tells first of which partitions there
// is to be one (want), then what is revoked, of which a task may become one
// (demote), then what is assigned, which may make a standby a task (promote),
// and at its end the rest is started and stopped (settle).
type standbys struct {
	in *instance

	// mu is never held while the transport is called, which calls held with
	// locks of its own.
	mu      sync.Mutex
	wanted  map[int32]bool
	running map[int32]*standby
	ending  map[int32]<-chan struct{} // of each partition, when its last standby was closed, or its state removed
	left    map[int32]leftover        // state that nobody keeps up to date
	closed  bool

	work sync.WaitGroup
}

func newStandbys(in *instance) *standbys {
	return &standbys{in: in, wanted: map[int32]bool{}, running: map[int32]*standby{}, ending: map[int32]<-chan struct{}{},
		left: in.e.leftovers(in.spec)}
}

// count is how many standbys the instance wants of each partition.
func (s *standbys) count() int {
	if len(s.in.spec.States) == 0 {
		return 0
	}
	return s.in.e.cfg.Standbys
}

// held tells the group what state there is.
func (s *standbys) held() map[int32]transport.Held {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[int32]transport.Held{}
	for p, l := range s.left {
		all[p] = transport.Held{Position: l.position}
	}
	for p, sb := range s.running {
		all[p] = transport.Held{Position: max(all[p].Position, sb.position()), Running: true}
	}
	return all
}

// want is told of which partitions there are to be standbys.
func (s *standbys) want(ps []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = make(map[int32]bool, len(ps))
	for _, p := range ps {
		s.wanted[p] = true
	}
}

func (s *standbys) wants(p int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanted[p] && !s.closed
}

// promote gives the standby of a partition to its new task, which takes its
// stores, and what the task has to wait for instead if they are just being
// closed.
func (s *standbys) promote(p int32) (sb *standby, before <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sb = s.running[p]
	delete(s.running, p)
	delete(s.left, p)
	return sb, s.ending[p]
}

// demote makes a standby of the stores that a task leaves.
func (s *standbys) demote(p int32, stores []storage.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(p, nil, stores)
}

// leave notes the state that is left of a partition on the disk.
func (s *standbys) leave(p int32, position int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[p] = leftover{position, s.in.e.cfg.Now()}
}

// settle starts and stops standbys, so that there are those that are wanted. It
// is called with the instance's lock, at the end of a rebalance.
func (s *standbys) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, sb := range s.running {
		if !s.wanted[p] {
			s.left[p] = leftover{sb.position(), s.in.e.cfg.Now()}
			sb.cancel()
			s.ending[p] = sb.ended
			delete(s.running, p)
		}
	}
	for p := range s.wanted {
		if s.running[p] != nil || s.in.tasks[p] != nil || s.closed {
			continue
		}
		s.start(p, s.before(p), nil)
	}
}

// before is what is to be closed before the state of a partition is opened. The
// caller holds both locks.
func (s *standbys) before(p int32) (before []<-chan struct{}) {
	if t := s.in.latest[p]; t != nil {
		before = append(before, t.closed)
	}
	if ended := s.ending[p]; ended != nil {
		before = append(before, ended)
	}
	return before
}

// start starts a standby. The caller holds the lock.
func (s *standbys) start(p int32, before []<-chan struct{}, stores []storage.Store) {
	sb := newStandby(s.in, p)
	s.running[p] = sb
	s.work.Go(func() { sb.run(before, stores) })
}

// close stops all standbys and waits for them. There are no others afterwards.
func (s *standbys) close() {
	s.mu.Lock()
	s.closed = true
	for p, sb := range s.running {
		s.left[p] = leftover{sb.position(), s.in.e.cfg.Now()}
		sb.cancel()
	}
	clear(s.running)
	left := maps.Clone(s.left)
	s.mu.Unlock()
	s.work.Wait()
	s.in.e.keepLeftovers(s.in.spec, left)
}

// followers are those of all standbys that run, for those who look on.
func (s *standbys) followers() (fs []*follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sb := range s.running {
		fs = append(fs, sb.opened()...)
	}
	return fs
}

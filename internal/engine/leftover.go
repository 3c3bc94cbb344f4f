package engine

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// leftover is state of a partition that is on the disk and that nobody keeps up
// to date: this member had the partition, or a standby of it. It makes for a
// shorter restore, should the partition come back. With standbys it is removed
// after a while (Config.CleanupDelay), or every member would end up with state
// of every partition.
type leftover struct {
	position int64 // the sum of its changelogs' offsets; 0: not known
	since    time.Time
}

// leftovers are what an earlier instance left, and what there is on the disk of
// an earlier run: how far that has come is not known before it is opened.
func (e *Engine) leftovers(p *graph.Processor) map[int32]leftover {
	left := map[int32]leftover{}
	if e.cfg.Standbys == 0 || len(p.States) == 0 {
		return left
	}
	e.mu.Lock()
	known := e.left[p.Name]
	e.mu.Unlock()
	if e.cfg.OpenStore == nil {
		spec := stateSpec(p, 0, 0)
		n, _ := e.partitions(spec.Topic)
		folders, _ := os.ReadDir(filepath.Dir(e.folder(spec))) // what cannot be read is found when it is opened
		for _, f := range folders {
			if i, err := strconv.ParseInt(f.Name(), 10, 32); err == nil && f.IsDir() && i >= 0 && i < int64(n) {
				left[int32(i)] = leftover{0, e.cfg.Now()}
			}
		}
	}
	maps.Copy(left, known)
	return left
}

// keepLeftovers keeps what an instance leaves, for the next one.
func (e *Engine) keepLeftovers(p *graph.Processor, left map[int32]leftover) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left[p.Name] = left
}

// stateSpec is the store of a state of a processor.
func stateSpec(p *graph.Processor, state int, id int32) StoreSpec {
	return StoreSpec{TopicPartition: transport.TopicPartition{Topic: p.States[state].Ref.Name, Partition: id},
		Processor: p.Name, Role: "state"}
}

// cleanUp removes leftovers until ctx ends.
func (s *standbys) cleanUp(ctx context.Context) error {
	delay := s.in.e.cfg.CleanupDelay
	tick := time.NewTicker(min(max(delay/10, time.Millisecond), time.Minute))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.removeLeftovers(s.in.e.cfg.Now().Add(-delay))
		case <-ctx.Done():
			return nil
		}
	}
}

// removeLeftovers removes what is left since a time or longer. Who wants to open
// it meanwhile waits.
func (s *standbys) removeLeftovers(before time.Time) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, l := range s.left {
		if l.since.After(before) || s.running[p] != nil || s.in.tasks[p] != nil || s.closed || !closed(s.before(p)) {
			continue
		}
		delete(s.left, p)
		removed := make(chan struct{})
		s.ending[p] = removed
		s.work.Go(func() {
			defer close(removed)
			s.remove(p)
		})
	}
}

func (s *standbys) remove(p int32) {
	for i := range s.in.spec.States {
		spec := stateSpec(s.in.spec, i, p)
		if err := s.in.e.removeStore(spec); err != nil {
			s.in.log.Warn("could not remove state that is not needed any more", "topic", spec.Topic, "partition", p, "error", err)
			continue
		}
		s.in.log.Info("state removed: others own the partition and keep its standbys", "topic", spec.Topic, "partition", p)
	}
}

// closed says whether all channels are closed.
func closed(all []<-chan struct{}) bool {
	for _, c := range all {
		select {
		case <-c:
		default:
			return false
		}
	}
	return true
}

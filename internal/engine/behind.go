package engine

import (
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"
)

// behind writes what is committed to the stores, while handlers and commits go on.
// What waits is bounded: twice what makes a batch worth while, and the committer
// waits. How far a store may be behind its changelog is what a start after a crash
// has to read again.
type behind struct {
	running bool
	ended   chan error // of the one that runs
}

// save begins to write where it is worth it, if nothing is being written.
func (b *behind) save(tasks []*task) error {
	due := 0.0
	for _, t := range tasks {
		t.collect()
		due = max(due, math.Float64frombits(t.due.Load()))
	}
	if due < 1 {
		return nil
	}
	if b.running {
		select {
		case err := <-b.ended:
			if b.end(err) != nil {
				return err
			}
		default:
			if due < 2 {
				return nil
			}
			if err := b.wait(); err != nil {
				return err
			}
		}
	}
	b.running = true
	go func() {
		var g errgroup.Group
		for _, t := range tasks {
			g.Go(func() error { return t.save(false) })
		}
		b.ended <- g.Wait()
	}()
	return nil
}

// wait waits for what is being written.
func (b *behind) wait() error {
	if !b.running {
		return nil
	}
	return b.end(<-b.ended)
}

func (b *behind) end(err error) error {
	b.running = false
	return err
}

// share returns how much of what makes a batch worth while waits in a table.
func (t *task) share(s *openState) float64 {
	rows, bytes := s.Queued()
	return max(float64(rows)/float64(t.in.e.cfg.WriteRows), float64(bytes)/float64(t.in.e.cfg.WriteBytes))
}

// noteDue notes the share of the fullest table for the committer. Needs mu.
func (t *task) noteDue() {
	share := 0.0
	for _, s := range t.states {
		share = max(share, t.share(s))
	}
	t.due.Store(math.Float64bits(share))
}

// collect has the tables note what was committed, if they are not being written:
// that does it too.
func (t *task) collect() {
	if !t.writing.TryLock() {
		return
	}
	defer t.writing.Unlock()
	for _, s := range t.states {
		s.Collect()
	}
}

// save writes what is committed to the stores, where it is worth a batch or all
// of it.
func (t *task) save(all bool) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	return t.saveLocked(all)
}

// saveLocked is save, with writing held.
func (t *task) saveLocked(all bool) error {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.noteDue()
	}()
	for _, s := range t.states {
		t.mu.Lock()
		share := t.share(s)
		t.mu.Unlock()
		if share == 0 || !all && share < 1 {
			continue
		}
		if err := s.Write(); err != nil {
			return fmt.Errorf("processor %s, partition %d: %w", t.in.spec.Name, t.id, err)
		}
	}
	return nil
}

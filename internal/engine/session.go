package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/transport"
)

// consumerGroup is goka's view of the group: it turns assignments into goka's
// sessions. goka knows one kind of rebalance, in which every partition stops
// and starts again. Ours are short: a session ends and the next begins with
// the same tasks, whose stores, queues and generations are the engine's.
//
//	         ┌────────────── a task was opened ───────────────┐
//	         ▼                                                │
//	no session ──ready tasks──▶ session ──assigned──▶ (opened beside it)
//	     ▲                        │
//	     └── revoked: closed ─────┤ those that stay went on during the commit
//	     └── lost: give up ───────┤
//	               drained: commit, close, return
type consumerGroup struct {
	in   *instance
	errs chan error
}

func (g *consumerGroup) Errors() <-chan error      { return g.errs }
func (g *consumerGroup) Close() error              { return nil }
func (g *consumerGroup) Pause(map[string][]int32)  {}
func (g *consumerGroup) Resume(map[string][]int32) {}
func (g *consumerGroup) PauseAll()                 {}
func (g *consumerGroup) ResumeAll()                {}

// Consume runs sessions until the instance is drained or ctx ends. goka would
// sleep for five seconds between two calls, so it is called once.
func (g *consumerGroup) Consume(ctx context.Context, _ []string, h sarama.ConsumerGroupHandler) error {
	in := g.in
	defer close(in.finished)
	var s *session
	defer func() {
		if s != nil {
			s.end(h)
		}
	}()
	var stopped time.Time // when the last session did
	for {
		if s == nil {
			if tasks := in.activeTasks(); len(tasks) > 0 {
				began := time.Now()
				var err error
				if s, err = g.start(ctx, h, tasks); err != nil {
					return err
				}
				if !stopped.IsZero() {
					in.log.Debug("partitions leased again", "partitions", len(tasks),
						"took", time.Since(began), "stoppedFor", time.Since(stopped))
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case e := <-in.events:
			if e.kind == revoked && s != nil {
				in.commitHalted(ctx, &e)
			}
			if e.kind != assigned && s != nil {
				stopped = time.Now()
				err := s.end(h)
				s = nil
				if err != nil {
					in.fail(err)
				}
			}
			err := in.apply(ctx, e)
			if e.done != nil {
				close(e.done)
			}
			if err != nil {
				in.fail(err)
				return nil
			}
			if e.kind == drained {
				in.cancel(e.err)
				return nil
			}
		}
	}
}

// apply changes the set of tasks. No session runs, unless the event only adds.
func (in *instance) apply(ctx context.Context, e event) error {
	switch e.kind {
	case assigned:
		for _, t := range e.tasks {
			in.opening.Go(func() {
				t.awaitStores()
				err := t.open()
				in.send(event{kind: opened, tasks: []*task{t}, err: err})
			})
		}
	case opened:
		t := e.tasks[0]
		in.mu.Lock()
		current := in.tasks[t.id] == t
		if current && e.err == nil {
			in.activate(t)
		}
		in.mu.Unlock()
		in.e.notify()
		if !current {
			return t.close(false) // taken away while it was restored
		}
		if e.err != nil {
			err := fmt.Errorf("processor %s, partition %d: %w", in.spec.Name, t.id, e.err)
			return errors.Join(err, t.close(false))
		}
	case revoked:
		err := e.err
		if !e.committed {
			err = in.committer.commit(ctx, e.tasks)
		}
		if in.abortable(err) { // whoever gets the partitions does it again
			err = in.abortInPlace(ctx, err)
		}
		return errors.Join(err, in.forget(e.tasks, err == nil, true))
	case lost:
		err := in.forget(e.tasks, false, false)
		if in.e.cfg.ExactlyOnce {
			err = errors.Join(err, in.abortInPlace(ctx, errLostInTransaction))
		}
		return err
	case aborted:
		if in.committer.failed() == nil {
			return nil // a loss came before it, and was an abort
		}
		return in.abortInPlace(ctx, e.err)
	case drained:
		tasks := in.activeTasks()
		err := in.committer.commit(ctx, tasks)
		return errors.Join(err, in.forget(tasks, err == nil, false))
	}
	return nil
}

// commitHalted commits what the tasks did that are revoked, while those that stay
// go on. A task that is halted handles nothing that is not in the generation
// which the commit freezes: it looks for that under the lock that a freeze takes.
func (in *instance) commitHalted(ctx context.Context, e *event) {
	for _, t := range e.tasks {
		t.halt()
	}
	e.err, e.committed = in.committer.commit(ctx, e.tasks), true
}

// forget closes tasks that are no longer ours. Their committed state is
// written first. The stores of those that are to have a standby stay open for
// it if keep is set.
func (in *instance) forget(tasks []*task, committed, keep bool) error {
	in.committer.mu.Lock() // a cycle may still be about to write their state
	defer in.committer.mu.Unlock()
	var errs []error
	for _, t := range tasks {
		in.mu.Lock()
		open := in.ready[t.id] && in.tasks[t.id] == t
		if in.tasks[t.id] == t {
			in.noRewind(t.id)
			delete(in.tasks, t.id)
			delete(in.ready, t.id)
		}
		in.mu.Unlock()
		if open && keep && in.standbys.wants(t.id) {
			stores, err := t.yield(committed)
			in.standbys.demote(t.id, stores)
			errs = append(errs, err)
		} else if open {
			errs = append(errs, t.close(committed))
		} else {
			t.cancel(errLost) // its opening ends, and closes it
		}
	}
	return errors.Join(errs...)
}

// closeTasks closes all tasks without a commit.
func (in *instance) closeTasks() {
	in.mu.Lock()
	tasks := slices.Collect(maps.Values(in.tasks))
	in.mu.Unlock()
	if err := in.forget(tasks, false, false); err != nil {
		in.log.Warn("could not close a store", "error", err)
	}
}

// send gives an event to the session loop, unless that has ended.
func (in *instance) send(e event) bool {
	select {
	case in.events <- e:
		return true
	case <-in.finished:
	case <-in.ctx.Done():
	}
	if e.kind == opened { // nobody else would close it
		if err := e.tasks[0].close(false); err != nil {
			in.log.Warn("could not close a store", "error", err)
		}
	}
	return false
}

// wait sends an event and waits until it was dealt with.
func (in *instance) wait(e event) {
	e.done = make(chan struct{})
	if !in.send(e) {
		return
	}
	select {
	case <-e.done:
	case <-in.finished:
	}
}

func (in *instance) onAssigned(_ context.Context, a transport.Assignment) {
	var added []*task
	in.mu.Lock()
	for _, parts := range a {
		for _, p := range parts {
			if in.tasks[p] == nil {
				t := newTask(in, p)
				t.before = in.latest[p]
				t.standby, t.beforeStandby = in.standbys.promote(p)
				in.tasks[p], in.latest[p] = t, t
				added = append(added, t)
			}
		}
	}
	in.standbys.settle()
	in.mu.Unlock()
	in.log.Info("partitions assigned", "count", len(added))
	in.e.cfg.Metrics.rebalanced(in.spec.Name)
	in.e.noteAssigned(in.spec.Name)
	in.send(event{kind: assigned, tasks: added})
}

func (in *instance) onRevoked(_ context.Context, a transport.Assignment) {
	if tasks := in.tasksOf(a); len(tasks) > 0 {
		in.log.Info("partitions revoked", "count", len(tasks))
		in.wait(event{kind: revoked, tasks: tasks})
	}
}

func (in *instance) onLost(_ context.Context, a transport.Assignment) {
	tasks := in.tasksOf(a)
	for _, t := range tasks {
		t.cancel(errLost)
	}
	if len(tasks) > 0 {
		in.log.Warn("partitions lost: the group's session timed out", "count", len(tasks))
		in.wait(event{kind: lost, tasks: tasks})
	}
}

func (in *instance) tasksOf(a transport.Assignment) (tasks []*task) {
	in.mu.Lock()
	defer in.mu.Unlock()
	seen := map[int32]bool{}
	for _, parts := range a {
		for _, p := range parts {
			if t := in.tasks[p]; t != nil && !seen[p] {
				seen[p] = true
				tasks = append(tasks, t)
			}
		}
	}
	return tasks
}

// session is one of goka's: the tasks that run until the next change.
type session struct {
	in     *instance
	tasks  []*task
	ctx    context.Context
	cancel context.CancelFunc
	claims sync.WaitGroup
}

// start sets goka up for the tasks and lets them run.
func (g *consumerGroup) start(ctx context.Context, h sarama.ConsumerGroupHandler, tasks []*task) (*session, error) {
	s := &session{in: g.in, tasks: tasks}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := h.Setup(s); err != nil { // no Cleanup: goka's panics for what Setup left out
		s.cancel()
		return nil, err
	}
	for _, t := range tasks {
		t.unhalt()
		for _, topic := range g.in.topics {
			s.claims.Go(func() {
				if err := h.ConsumeClaim(s, claim{topic, t}); err != nil {
					g.in.fail(fmt.Errorf("processor %s: %w", g.in.spec.Name, err))
				}
			})
		}
		t.signal()
	}
	return s, nil
}

// end stops the tasks after the records at hand.
func (s *session) end(h sarama.ConsumerGroupHandler) error {
	for _, t := range s.tasks {
		t.halt()
	}
	s.cancel()
	s.claims.Wait()
	return h.Cleanup(s)
}

// Claims implements sarama.ConsumerGroupSession.
func (s *session) Claims() map[string][]int32 {
	claims := map[string][]int32{}
	for _, topic := range s.in.topics {
		for _, t := range s.tasks {
			claims[topic] = append(claims[topic], t.id)
		}
	}
	return claims
}

func (s *session) MemberID() string {
	id, _ := s.in.group.Member()
	return id
}

func (s *session) GenerationID() int32 {
	_, generation := s.in.group.Member()
	return generation
}

func (s *session) Context() context.Context { return s.ctx }

// Offsets are committed by the commit cycle: goka marks a carrier once its
// callback returned, which says nothing about its records.
func (s *session) MarkOffset(string, int32, int64, string)     {}
func (s *session) ResetOffset(string, int32, int64, string)    {}
func (s *session) MarkMessage(*sarama.ConsumerMessage, string) {}
func (s *session) Commit()                                     {}

// claim is one input of a task. All inputs of a task share its carrier.
type claim struct {
	topic string
	task  *task
}

func (c claim) Topic() string                            { return c.topic }
func (c claim) Partition() int32                         { return c.task.id }
func (c claim) InitialOffset() int64                     { return sarama.OffsetOldest }
func (c claim) HighWaterMarkOffset() int64               { return 0 }
func (c claim) Messages() <-chan *sarama.ConsumerMessage { return c.task.wake }

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// An abort in place. One transaction serves the instance, so it takes back what
// all tasks did since the last commit. The member stays in its group, and the
// stores stay open: they have nothing of a transaction before it is committed.
//
//	commit fails ─▶ session ends ─▶ transaction aborted ─▶ tasks reset ─▶ next one begun ─▶ session
//	partition lost ────┘                                     └ state: what is committed
//	                                                         └ queue: empty, the poller rewinds
//
// That is for failures after which the transaction is known to be open. When
// its end was asked for and not answered, or when the member is fenced, the
// instance ends; so it does when aborts follow each other without a commit.

// maxAborts is how many aborts may follow each other: what fails time and again
// gets the delays of an instance that starts again.
const maxAborts = 3

// abortable says whether a failed commit can be mended by an abort in place.
func (in *instance) abortable(err error) bool {
	if !in.e.cfg.ExactlyOnce || in.ctx.Err() != nil {
		return false
	}
	var produce *ProduceError
	return errors.As(err, &produce) || errors.Is(err, errLostInTransaction) || errors.Is(err, transport.ErrTransactionOpen)
}

// abortInPlace aborts the transaction and takes all tasks back to what is
// committed. No session runs. It returns what ends the instance.
func (in *instance) abortInPlace(ctx context.Context, cause error) error {
	c := in.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborts++; c.aborts > maxAborts {
		return fmt.Errorf("%d transactions in a row were aborted: %w", c.aborts, cause)
	}
	bounded, cancel := context.WithTimeout(ctx, in.e.cfg.LeaveTimeout)
	defer cancel()
	if err := in.group.AbortTransaction(bounded); err != nil {
		return fmt.Errorf("%w; it could not be aborted: %w", cause, err)
	}
	tasks := in.activeTasks()
	for _, t := range tasks {
		if err := t.reset(); err != nil {
			return errors.Join(cause, err)
		}
	}
	in.rewind(tasks)
	c.failure = nil
	if err := in.begin(ctx); err != nil {
		return errors.Join(cause, err)
	}
	in.e.cfg.Metrics.aborted(in.spec.Name, cause)
	in.log.Warn("transaction aborted; what it held is done again", "error", cause, "partitions", len(tasks))
	return nil
}

// reset forgets what the task did since the last commit. Its stores stay open,
// and get what is committed and waits for them.
func (t *task) reset() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if err := t.saveLocked(true); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, s := range t.states {
		s.State = t.openTable(i, s)
		t.view.States[i] = s.State
	}
	t.view.Local, t.view.Late = nil, 0
	for i, u := range t.overtaking {
		if u != nil {
			t.overtaking[i] = newOvertaking(t.inputs[i], u.committed)
		}
	}
	t.cur = t.newGeneration()
	t.ending, t.held = nil, false
	t.failing.Store(nil)
	for i := range t.oldest {
		t.oldest[i].Store(0)
	}
	return nil
}

// openTable puts a table with nothing in it over a store.
func (t *task) openTable(i int, s *openState) table.State {
	return t.in.spec.States[i].Open(table.Options{Name: s.topic, Store: s.store, Lock: &t.mu,
		CacheBytes: t.in.e.cfg.CacheBytes, Check: t.in.e.cfg.Check})
}

// rewind empties the tasks' queues and has the poller fetch again what was not
// committed. Fetches of these inputs that are under way are dropped until then.
func (in *instance) rewind(tasks []*task) {
	resume := transport.Assignment{}
	in.flow.Lock()
	defer in.flow.Unlock()
	in.mu.Lock()
	in.holding = false
	for _, t := range tasks {
		for i, topic := range in.topics {
			first, paused := t.queue.clear(i)
			if paused {
				resume[topic] = append(resume[topic], t.id)
			}
			next := t.position[i].Load()
			if next == 0 { // nothing was committed since it was assigned
				next = first
			}
			if next < 0 {
				continue // nothing was fetched
			}
			if in.rewinds[topic] == nil {
				in.rewinds[topic] = map[int32]int64{}
			}
			in.rewinds[topic][t.id] = next
		}
	}
	in.wakePoller()
	in.mu.Unlock()
	in.group.Resume(resume)
}

// rewound does what rewind asked for. It is called by the poller, between two
// polls. The lock keeps a partition from being taken away and given again
// meanwhile: its new life begins where the group has come to. It returns a
// context for the next poll, which the next rewind ends.
func (in *instance) rewound(ctx context.Context) context.Context {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.rewinds) > 0 {
		in.group.Rewind(in.rewinds)
		in.rewinds = transport.Offsets{}
	}
	if in.polling == nil || in.polling.Err() != nil {
		in.polling, in.wakePoller = context.WithCancel(ctx)
	}
	return in.polling
}

// stale says whether a fetch came from before a rewind. The caller holds in.mu.
func (in *instance) stale(f transport.Fetch) bool {
	_, ok := in.rewinds[f.Topic][f.Partition]
	return ok
}

// noRewind forgets the rewind of a partition that goes away. The caller holds
// in.mu.
func (in *instance) noRewind(p int32) {
	maps.DeleteFunc(in.rewinds, func(_ string, ps map[int32]int64) bool {
		delete(ps, p)
		return len(ps) == 0
	})
}

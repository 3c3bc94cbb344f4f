package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// The flow of fetched records into the tasks' queues, each of which is bounded.
//
// A queue that is full for long has its input paused: the others go on. One that
// is full for a moment only, because its task is quick, is waited for: a fetch
// that is sent while an input is paused is without it, and if nothing else is new
// on that broker, the broker holds back the answer. A partition that lags behind
// all others would then get a queue full of records for each such fetch, and no
// more.
//
// The lock flow is held while a queue is found to be full and its input is paused,
// and while one is resumed: were the task quicker in between, the input would be
// resumed first and paused for ever.

// patience is how long the poller waits for the queues that are full. It is as
// long as a broker holds back an answer: a queue that takes longer to empty
// lasts for that long, too.
const patience = 100 * time.Millisecond

// poll moves fetched records into the tasks' queues.
func (in *instance) poll(ctx context.Context) error {
	for {
		polling := in.rewound(ctx)
		fetches, err := in.group.Poll(polling)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && polling.Err() == nil {
			return fmt.Errorf("processor %s: fetch: %w", in.spec.Name, err)
		}
		if full := in.share(fetches); len(full) > 0 {
			in.pause(in.stillFull(polling, full))
		}
	}
}

// fullInput is an input of a task whose queue is full.
type fullInput struct {
	*task
	input int
}

// share puts what one poll returned into the tasks' queues. A task gets all of
// it at once: inputs that came together are merged by time, whichever stands
// first in the poll. It returns those that are full now.
func (in *instance) share(fetches []transport.Fetch) (full []fullInput) {
	shares := make(map[*task][]transport.Fetch)
	in.mu.Lock()
	for _, f := range fetches {
		t := in.tasks[f.Partition]
		if t == nil || in.stale(f) {
			continue // revoked, or to be fetched again
		}
		shares[t] = append(shares[t], f)
	}
	for t, fs := range shares {
		for _, input := range t.queue.put(fs...) {
			full = append(full, fullInput{t, input})
		}
	}
	in.mu.Unlock()
	for t := range shares {
		t.signal()
	}
	return full
}

// stillFull waits for queues to have room, and returns those that are full after
// all. One whose task is not open yet is not waited for.
func (in *instance) stillFull(ctx context.Context, full []fullInput) (still []fullInput) {
	ctx, cancel := context.WithTimeout(ctx, in.patience)
	defer cancel()
	for _, f := range full {
		in.mu.Lock()
		ready := in.ready[f.id]
		in.mu.Unlock()
		for ready && ctx.Err() == nil && f.queue.isFull(f.input) {
			select {
			case <-f.queue.room:
			case <-f.ctx.Done():
				ready = false
			case <-ctx.Done():
			}
		}
		if f.queue.isFull(f.input) {
			still = append(still, f)
		}
	}
	return still
}

// pause pauses the inputs whose queues are full.
func (in *instance) pause(full []fullInput) {
	if len(full) == 0 {
		return
	}
	in.flow.Lock()
	defer in.flow.Unlock()
	paused := make(transport.Assignment)
	in.mu.Lock()
	for _, f := range full {
		// Not one that was lost meanwhile: the partition's next task may be here already.
		if topic := in.topics[f.input]; in.tasks[f.id] == f.task && f.queue.pause(f.input) {
			paused[topic] = append(paused[topic], f.id)
		}
	}
	in.mu.Unlock()
	if len(paused) > 0 {
		in.group.Pause(paused)
	}
}

// resume fetches an input again that was paused, unless its queue is full again.
func (in *instance) resume(t *task, input int) {
	in.flow.Lock()
	defer in.flow.Unlock()
	if !t.queue.isPaused(input) {
		in.group.Resume(transport.Assignment{in.topics[input]: {t.id}})
	}
}

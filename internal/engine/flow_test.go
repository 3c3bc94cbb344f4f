package engine

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// pausable is a group that knows what is paused, and takes its time for it.
type pausable struct {
	transport.Group
	mu     sync.Mutex
	paused bool
}

func (p *pausable) set(paused bool) {
	for range 20 {
		runtime.Gosched()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = paused
}

func (p *pausable) isPaused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

func (p *pausable) Pause(transport.Assignment)  { p.set(true) }
func (p *pausable) Resume(transport.Assignment) { p.set(false) }

// A task that empties its queue while the poller is about to pause the input, or
// fills it while the task is about to resume it: in the end the input is paused if
// and only if its queue is full.
func TestPauseAndResumeKeepTheirOrder(t *testing.T) {
	group := &pausable{}
	in := &instance{group: group, topics: []string{"in"}, tasks: map[int32]*task{}}
	task := &task{in: in, id: 0, queue: newQueue(in.topics, 1)}
	in.tasks[0] = task
	record := &transport.Record{Topic: "in"}
	take := func(n int) {
		for n > 0 {
			input, records := task.queue.take(1)
			if records == nil {
				runtime.Gosched()
				continue
			}
			n--
			if task.queue.done(input, 1) {
				in.resume(task, input)
			}
		}
	}
	for round := range 2_000 {
		var both sync.WaitGroup
		const n = 3
		left := round % 2
		both.Go(func() {
			for range n {
				in.pause(in.share([]transport.Fetch{{TopicPartition: transport.TopicPartition{Topic: "in"}, Records: []*transport.Record{record}}}))
			}
		})
		both.Go(func() { take(n - left) })
		both.Wait()
		if full := left > 0; group.paused != full || task.queue.isPaused(0) != full {
			t.Fatalf("round %d: paused: %t, the queue says %t, and is full: %t", round, group.paused, task.queue.isPaused(0), full)
		}
		take(left)
	}
}

// A full queue is waited for; only one that stays full has its input paused.
func TestFullQueuesAreWaitedFor(t *testing.T) {
	fetch := []transport.Fetch{{TopicPartition: transport.TopicPartition{Topic: "in"}, Records: []*transport.Record{{Topic: "in"}}}}
	for _, c := range []struct {
		name                 string
		ready, taken, closed bool
		patience             time.Duration
		paused               bool
	}{
		{"has room in time", true, true, false, time.Minute, false},
		{"stays full", true, false, false, time.Millisecond, true},
		{"of a task that is not open", false, false, false, time.Minute, true},
		{"of a task that ends", true, false, true, time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				group := &pausable{}
				in := &instance{group: group, topics: []string{"in"}, tasks: map[int32]*task{}, ready: map[int32]bool{0: c.ready}, patience: c.patience}
				task := &task{in: in, queue: newQueue(in.topics, 1)}
				task.ctx, task.cancel = context.WithCancelCause(t.Context())
				in.tasks[0] = task
				full := in.share(fetch)
				if len(full) != 1 {
					t.Fatalf("%d inputs are full, not 1", len(full))
				}
				waited := make(chan struct{})
				go func() {
					defer close(waited)
					in.pause(in.stillFull(t.Context(), full))
				}()
				synctest.Wait()
				if group.isPaused() != !c.ready {
					t.Errorf("paused before the wait is over: %t", group.isPaused())
				}
				if c.taken {
					input, records := task.queue.take(1)
					if task.queue.done(input, len(records)) {
						t.Error("to be resumed, and was not paused")
					}
				}
				if c.closed {
					task.cancel(errLost)
				}
				<-waited
				if group.isPaused() != c.paused || task.queue.isPaused(0) != c.paused {
					t.Errorf("paused: %t, the queue says %t", group.isPaused(), task.queue.isPaused(0))
				}
			})
		})
	}
}

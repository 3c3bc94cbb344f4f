package engine

import (
	"runtime"
	"sync"
	"testing"

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
				in.share([]transport.Fetch{{TopicPartition: transport.TopicPartition{Topic: "in"}, Records: []*transport.Record{record}}})
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

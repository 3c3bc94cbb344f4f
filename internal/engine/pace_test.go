package engine

import (
	"context"
	"testing"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// later is a producer whose acknowledgements wait for ack.
type later struct {
	transport.Group
	unacked []func()
}

func (p *later) ProduceAll(_ context.Context, next func() *transport.Record, acked func(*transport.Record, error)) {
	for r := next(); r != nil; r = next() {
		p.unacked = append(p.unacked, func() { acked(r, nil) })
	}
}

func (p *later) ack(n int) {
	for _, f := range p.unacked[:n] {
		f()
	}
	p.unacked = p.unacked[n:]
}

// rows is a state that is frozen with so many rows, of which so many are set since.
type rows struct {
	table.State
	frozen, dirty int
}

func (r *rows) Len() int   { return r.frozen }
func (r *rows) Dirty() int { return r.dirty }

// committingTask is a task that stages what it sends while a generation of so many
// outputs and rows is being committed.
func committingTask(p transport.Group, outputs, changed int) (*task, *rows) {
	e := &Engine{cfg: Config{ExactlyOnce: true, GenerationKeys: 1000, GenerationBytes: 1 << 30}}
	state := &rows{frozen: changed}
	t := &task{in: &instance{e: e, group: p, topics: []string{"in"}}, ctx: context.Background(), states: []*openState{{State: state}},
		wake: make(chan *sarama.ConsumerMessage, 1)}
	t.cur = t.newGeneration()
	for range outputs {
		t.cur.out.next()
	}
	t.cur.out.push(t.ctx, p)
	g := t.cur
	g.changelog, g.frozen = newSends(&e.chunks, t.getOn), []table.Frozen{state}
	t.cur = t.newGeneration()
	t.held, t.ending = true, g
	return t, state
}

// A task that is faster than the commits takes on their pace.
func TestHandlersTakeOnTheCommitsPace(t *testing.T) {
	p := &later{}
	task, state := committingTask(p, 1000, 1000)
	signals := 0
	g := task.ending
	g.changelog = newSends(&task.in.e.chunks, func() { signals++; task.getOn() })
	for _, step := range []struct {
		name string
		do   func()
		pace float64
		may  int // changed keys of the next generation
	}{
		{"frozen", func() {}, 0.1, 1200},
		{"half is encoded", func() {
			for range 500 {
				g.changelog.next()
			}
		}, 0.25, 1500},
		{"all is encoded", func() {
			for range 500 {
				g.changelog.next()
			}
		}, 0.4, 1800},
		{"outputs are acknowledged", func() { p.ack(1000) }, 0.6, 2200},
		{"half of the changelog is", func() { g.changelog.push(task.ctx, p); p.ack(500) }, 0.7, 2400},
		{"all of it", func() { p.ack(500) }, 1, 3000},
	} {
		step.do()
		if got := task.pace(); got < step.pace-0.01 || got > step.pace+0.01 {
			t.Errorf("%s: pace %.3f, want %.2f", step.name, got, step.pace)
		}
		for _, more := range []int{-10, 10} {
			state.dirty = step.may + more
			if got := task.stalled(); got != (more > 0) {
				t.Errorf("%s: with %d changed keys the task is stalled: %t", step.name, state.dirty, got)
			}
		}
		if !task.waits.Load() {
			t.Errorf("%s: nobody knows that the task waits", step.name)
		}
	}
	if signals != 1 || len(task.wake) != 1 {
		t.Errorf("%d reports of progress for 1000 acknowledgements and %d signals, want one", signals, len(task.wake))
	}
	task.ending, task.held = nil, false
	if task.stalled() || task.waits.Load() {
		t.Error("without a commit the task is stalled")
	}
}

// What is staged for the next transaction is bounded, and less at the beginning of
// a commit than at its end.
func TestStagedRecordsAreBounded(t *testing.T) {
	p := &later{}
	task, _ := committingTask(p, 1000, 0)
	stage := func(n int) {
		for task.cur.out.total < n {
			task.cur.out.next()
		}
	}
	for _, step := range []struct {
		holders int64
		acked   int
		staged  int
		stalled bool
	}{
		{1, 0, maxStaged * 3 / 10, false},
		{1, 0, maxStaged * 5 / 10, true},
		{1, 500, maxStaged * 5 / 10, false},
		{1, 1000, maxStaged, false},
		{1, 1000, maxStaged + 1, true},
		{64, 1000, maxStaged + 1, true},
	} {
		task.in.holders.Store(step.holders)
		p.ack(step.acked - (1000 - len(p.unacked)))
		stage(step.staged)
		if got := task.stalled(); got != step.stalled {
			t.Errorf("%d acknowledged of 1000, %d staged: stalled is %t", step.acked, step.staged, got)
		}
	}
	task.release()
	if task.held || task.cur.out.pushed != maxStaged+1 {
		t.Errorf("%d of %d are sent after the release; held is %t", task.cur.out.pushed, maxStaged+1, task.held)
	}
	if task.in.holders.Store(64); task.in.stagedLimit() != minStaged {
		t.Errorf("of 64 tasks each may stage %d, want %d", task.in.stagedLimit(), minStaged)
	}
}

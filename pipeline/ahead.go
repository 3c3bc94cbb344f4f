package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/graph"
)

// Lookahead bounds what InputAhead does for records that wait to be handled, in
// each partition.
type Lookahead struct {
	// Calls is how many calls are under way at once. Default 10.
	Calls int
	// Records is how many records are looked at: those that are called for, wait
	// for a call, or have their result and wait for their turn. Default 4 times
	// Calls, so that others go on while the first of them takes long. With an
	// Order of another kind it is how far records may be ahead of the first one
	// whose call has not ended, in offsets, default 100 times Calls; up to 4 times
	// Calls of them wait.
	Records int
	// Order is in which order records are handled. Default PartitionOrder.
	Order Order
}

// Order is in which order the records of a partition are handled, when they wait
// for something. In any order, each of them is handled once, and nothing is
// committed past one that waits.
type Order int

const (
	// PartitionOrder is the order of the partition: a record waits until all
	// before it have been handled.
	PartitionOrder Order = Order(graph.PartitionOrder)
	// KeyOrder keeps the order among the records of each key. Records without a
	// key have none.
	KeyOrder Order = Order(graph.KeyOrder)
	// Unordered keeps no order: each record is handled as soon as it can be.
	Unordered Order = Order(graph.NoOrder)
)

func (o Order) String() string {
	switch o {
	case PartitionOrder:
		return "partition order"
	case KeyOrder:
		return "key order"
	case Unordered:
		return "unordered"
	}
	return fmt.Sprintf("Order(%d)", int(o))
}

func (l Lookahead) withDefaults() Lookahead {
	if l.Calls == 0 {
		l.Calls = 10
	}
	if l.Records == 0 {
		l.Records = 4 * l.Calls
		if l.Order != PartitionOrder {
			l.Records = min(100*l.Calls, maxLookahead)
		}
	}
	return l
}

// maxLookahead bounds both numbers of a Lookahead.
const maxLookahead = 100_000

// Coming is a record that is to be handled.
type Coming struct {
	Key       string // "" for a record without one
	HasKey    bool
	Timestamp time.Time // of the record, in UTC
	Topic     string
	Partition int
	Offset    int64
	Now       time.Time // of the clock on the wall, which tests set, when the call began
}

// InputAhead is Input for handlers that need something from outside that takes
// its time, such as the answer of a service. ahead is called for each record
// before its turn, for many records at once and from goroutines of its own; fn
// gets what it returned, when all records before this one have been handled. So
// the order of the partition is kept, nothing is committed past a record whose
// call has not ended, and no lock is held while one is waited for: commits, and
// other partitions, go on.
//
// An error of ahead, or a panic, fails the record at its turn: the processor's
// OnError decides, and another attempt calls ahead again. A record that does not
// decode is not called for. Calls are made at least once for each record: after
// a crash, an abort or a rebalance, those are made again whose records had not
// been committed.
//
// With KeyOrder or Unordered, a record whose call has ended does not wait for
// others. What was handled ahead of a record that waits is remembered, in a store
// TOPOLOGY-NAME-overtakers with a changelog, until that one is handled: a row for
// each partition of the input, which is written with a commit. Under exactly-once it
// becomes permanent together with what was emitted, so that nothing is lost or
// repeated; under at-least-once it is written right before the offset. Setting
// the group's offset back, to one before what was committed, voids it. Stream
// time moves with the records as they are handled. One that is tried again by
// OnError(Retry) holds up all.
//
// The context of ahead ends when the partition goes away or the run ends; what it
// had begun is waited for then. Bound what it waits for: see context.WithTimeout.
func InputAhead[V, A any](p *Processor, t Topic[V], l Lookahead,
	ahead func(ctx context.Context, r Coming, v V) (A, error), fn func(ctx *Context, v V, a A) error) {
	if fn == nil || ahead == nil {
		p.bad(ErrIncomplete, "input %s has no handler", t.name)
	}
	if l.Calls < 0 || l.Records < 0 || l.Calls > maxLookahead || l.Records > maxLookahead {
		p.bad(ErrConfig, "input %s: Lookahead of %d calls and %d records: neither may be negative or more than %d", t.name, l.Calls, l.Records, maxLookahead)
	}
	if l.Order < PartitionOrder || l.Order > Unordered {
		p.bad(ErrConfig, "input %s: Lookahead with an unknown order %d", t.name, int(l.Order))
	}
	l = l.withDefaults()
	d, i := p.uses(t), len(p.spec.Inputs)
	p.spec.Inputs = append(p.spec.Inputs, graph.Input{
		Ref: d.Ref,
		Handle: handler(p, func(ctx *Context) error {
			c := ctx.task.Ahead[i].(*lookahead[V, A]).take(ctx.rec)
			if ctx.stage = c.stage; c.decoded {
				ctx.stage = atDecode
				if err := t.def.arrives(ctx, c.value); err != nil {
					return err
				}
				ctx.stage = c.stage
			}
			if c.err != nil {
				ctx.stack = &c.stack
				return c.err
			}
			return fn(ctx, c.value, c.answer)
		}),
		Ahead: func(task *graph.Task) graph.Ahead {
			return &lookahead[V, A]{Lookahead: l, task: task, decode: t.def.value, call: ahead, calls: map[int64]*pending[V, A]{},
				landed: make(chan struct{}, 1)}
		},
		Order: graph.Order(l.Order),
		Span:  l.Records,
	})
	if l.Order != PartitionOrder {
		p.overtakes = true
	}
}

// lookahead is the calls of one partition. It implements graph.Ahead.
type lookahead[V, A any] struct {
	Lookahead
	task   *graph.Task
	decode func(*graph.Record) (V, error)
	call   func(ctx context.Context, r Coming, v V) (A, error)

	mu      sync.Mutex
	calls   map[int64]*pending[V, A] // by offset
	waiting []*pending[V, A]         // not begun, in the order of their records
	workers int
	idle    chan struct{} // closed when the last worker has ended; nil while nobody waits for that
	landed  chan struct{} // gets a token when a call has ended
}

// pending is the call for one record.
type pending[V, A any] struct {
	rec  *graph.Record
	done chan struct{} // closed when what follows is set

	value   V
	decoded bool
	answer  A
	err     error
	stage   step
	stack   string // of a panic
}

// Limit implements graph.Ahead.
func (l *lookahead[V, A]) Limit() int {
	if l.Order == PartitionOrder {
		return l.Records
	}
	return min(4*l.Calls, l.Records)
}

// Begin implements graph.Ahead.
func (l *lookahead[V, A]) Begin(coming []*graph.Record) <-chan struct{} {
	if len(coming) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for offset := range l.calls {
		if offset < coming[0].Offset {
			delete(l.calls, offset)
		}
	}
	for _, r := range coming {
		if l.calls[r.Offset] == nil {
			c := &pending[V, A]{rec: r, done: make(chan struct{})}
			l.calls[r.Offset] = c
			l.waiting = append(l.waiting, c)
		}
	}
	for l.workers < l.Calls && len(l.waiting) > 0 {
		l.workers++
		c := l.waiting[0]
		l.waiting = l.waiting[1:]
		go l.work(c)
	}
	if l.Order != PartitionOrder {
		return l.landed
	}
	return l.calls[coming[0].Offset].done
}

// work makes calls until none waits.
func (l *lookahead[V, A]) work(c *pending[V, A]) {
	for c != nil {
		l.answer(c)
		close(c.done)
		select {
		case l.landed <- struct{}{}:
		default:
		}
		l.mu.Lock()
		c = nil
		if len(l.waiting) > 0 && l.task.Context.Err() == nil {
			c = l.waiting[0]
			l.waiting = l.waiting[1:]
		} else if l.workers--; l.workers == 0 && l.idle != nil {
			close(l.idle)
			l.idle = nil
		}
		l.mu.Unlock()
	}
}

// answer makes a call.
func (l *lookahead[V, A]) answer(c *pending[V, A]) {
	c.stage = atDecode
	defer func() {
		if x := recover(); x != nil {
			c.err, c.stage, c.stack = fmt.Errorf("panic: %v", x), atPanic, string(debug.Stack())
		}
	}()
	if c.value, c.err = l.decode(c.rec); c.err != nil {
		return
	}
	c.decoded, c.stage = true, atHandle
	r := c.rec
	c.answer, c.err = l.call(l.task.Context, Coming{Key: text(r.Key), HasKey: r.Key != nil, Timestamp: r.Timestamp.UTC(), Topic: r.Topic,
		Partition: int(r.Partition), Offset: r.Offset, Now: l.task.Now().UTC()}, c.value)
}

// Ready implements graph.Ahead.
func (l *lookahead[V, A]) Ready(r *graph.Record) bool {
	l.mu.Lock()
	c := l.calls[r.Offset]
	l.mu.Unlock()
	if c == nil {
		return false
	}
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// take returns what came of a record's call and forgets it: another attempt at
// the record calls again.
func (l *lookahead[V, A]) take(r *graph.Record) *pending[V, A] {
	l.mu.Lock()
	c := l.calls[r.Offset]
	delete(l.calls, r.Offset)
	l.mu.Unlock()
	if c == nil { // nobody has looked ahead
		c = &pending[V, A]{rec: r}
		l.answer(c)
		return c
	}
	<-c.done
	return c
}

// End implements graph.Ahead.
func (l *lookahead[V, A]) End(patience time.Duration) int {
	l.mu.Lock()
	l.waiting = nil
	if l.workers == 0 {
		l.mu.Unlock()
		return 0
	}
	idle := make(chan struct{})
	l.idle = idle
	l.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-idle:
		return 0
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.workers
}

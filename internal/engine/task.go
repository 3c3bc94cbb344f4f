package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// chunkTime is about how long a task keeps its lock. A freeze waits that long, or for
// the handler of one record if that takes longer.
const chunkTime = 2 * time.Millisecond

// task is one partition of a processor: its queue of fetched records, its
// state and its current generation. It lives from the assignment of the
// partition to its loss, through any number of goka's sessions.
//
//	poller ──put──▶ queue ──take──▶ handlers ──▶ current generation
//	                                               │ freeze
//	committer ◀────────────────────────────────────┘
type task struct {
	in     *instance
	id     int32
	queue  *queue
	view   graph.Task
	inputs []graph.Input // the loop included
	states []*openState
	joins  []*follower
	// overtaking is, by input, what is handled out of order; nil where nothing is.
	overtaking []*overtaking

	before        *task           // the last of this partition, whose stores are closed first; may be nil
	beforeStandby <-chan struct{} // closed once the last standby's stores are; nil without one
	standby       *standby        // whose stores become the task's; nil without one
	closed        chan struct{}   // closed once the stores are, or are another's

	// ctx ends when the task is given up without a commit; sends and handlers
	// hang on it.
	ctx    context.Context
	cancel context.CancelCauseFunc

	// halted makes the callback return after the record at hand; halting is
	// closed with it.
	halted  atomic.Bool
	waits   atomic.Bool // for the commit, see stalled
	halting chan struct{}
	wake    chan *sarama.ConsumerMessage // the carrier to goka: there are records

	writing sync.Mutex    // the stores are written, or closed; taken before mu
	due     atomic.Uint64 // see noteDue

	mu  sync.Mutex // guards cur, the tables, and the run of handlers
	cur *generation

	// wanted counts who waits for mu to commit, or to go on after it: handlers
	// that take long make room after the record at hand, or a transaction would last
	// as long as all that wait for them.
	wanted atomic.Int32

	ending *generation // the one before cur, while it is being committed; else nil
	held   bool        // what cur sends waits for the next transaction

	position []atomic.Int64 // by input: the next offset to commit, for the lag
	// oldest is, by input, the timestamp in ms of the first record that was
	// handled and is not committed, 0 without one.
	oldest    []atomic.Int64
	restoring atomic.Pointer[RestoreStats] // the table that is being restored

	alarm atomic.Int64 // when to look for timers, by the wall clock, in ms; 0: not before a record comes

	limit   int                     // records in a chunk
	fired   int                     // timers since the last record
	failing atomic.Pointer[failing] // the record that waits to be tried again; set by run only

	// For the watchdog.
	handling  atomic.Pointer[transport.Record] // the record whose handler runs
	goroutine atomic.Int64                     // the one that runs it; 0: not known
	hung      atomic.Pointer[Hung]
}

// openState is a table of the task with its store.
type openState struct {
	table.State
	store storage.Store
	topic string
}

func newTask(in *instance, id int32) *task {
	t := &task{in: in, id: id, limit: 64, closed: make(chan struct{}), halting: make(chan struct{}),
		wake: make(chan *sarama.ConsumerMessage, 1)}
	t.ctx, t.cancel = context.WithCancelCause(in.ctx)
	t.inputs = in.inputs
	t.queue = newQueue(in.topics, in.e.cfg.PrefetchBytes)
	t.cur = t.newGeneration()
	t.position = make([]atomic.Int64, len(t.inputs))
	t.overtaking = make([]*overtaking, len(t.inputs))
	t.oldest = make([]atomic.Int64, len(t.inputs))
	t.view = graph.Task{
		Context:   t.ctx,
		Partition: id,
		Lookups:   in.lookups,
		Out:       t,
		Now:       in.e.cfg.Now,
		Await:     t.await,
		LoopTopic: in.e.graph.LoopTopic(in.spec),
	}
	t.newAhead()
	return t
}

// signal tells the task that there are records.
func (t *task) signal() {
	select {
	case t.wake <- &sarama.ConsumerMessage{Topic: t.in.topics[0], Partition: t.id, Value: carrier}:
	default:
	}
}

// run processes what is queued until nothing is left, the task is halted, or a
// record stops the processor. It is called by goka's callback, on the
// goroutine of goka's partition processor.
func (t *task) run() {
	if t.goroutine.Load() == 0 {
		t.goroutine.Store(goroutine())
	}
	defer t.setAlarm()
	for !t.halted.Load() && !t.stalled() {
		input, records, err := t.take()
		if records == nil && err == nil {
			return
		}
		start := time.Now()
		n := 0
		if err == nil {
			n, err = t.process(input, records)
		}
		if input >= 0 && t.dequeue(input, n) {
			t.in.resume(t, input)
		}
		if err != nil && err != errAgain {
			t.halt()
			if t.ctx.Err() == nil { // else whoever ended the task knows why
				t.in.stop(err)
			}
			return
		}
		switch d := time.Since(start); {
		case d < chunkTime/2:
			t.limit = min(t.limit*2, chunkLen)
		case d > chunkTime:
			t.limit = max(t.limit/2, 1)
		}
	}
}

// process runs the handler for each record and returns how many are done with.
func (t *task) process(input int, records []*transport.Record) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cur.records == 0 {
		t.in.committer.work()
	}
	start, before, staged := time.Now(), t.cur.bytes, t.cur.out.total
	for _, r := range records {
		if t.halted.Load() || n > 0 && t.wanted.Load() > 0 {
			break
		}
		if err = t.handle(input, r); err != nil {
			break
		}
		n++
		if input >= 0 && t.timersFirst() {
			break
		}
	}
	if input == timers {
		t.fired += n
	} else if n > 0 {
		t.fired = 0
	}
	t.handling.Store(nil)
	t.in.e.cfg.Metrics.handled(HandledStats{
		Processor: t.in.spec.Name, TopicPartition: transport.TopicPartition{Topic: t.topic(input, records[0]), Partition: t.id},
		Records: n, Late: t.view.Late, Bytes: t.cur.bytes - before, Duration: time.Since(start),
	})
	t.view.Late = 0
	if !t.held { // what was staged before is being sent, see release
		t.cur.out.pushSome(t.ctx, t.in.group, t.cur.out.total-staged+releaseLen)
	}
	if t.load() > 1 {
		t.in.committer.hurry()
	}
	return n, err
}

// handle runs one record and keeps its effects, or none of them.
func (t *task) handle(input int, r *transport.Record) error {
	if r.Attrs.IsControl() { // the end of somebody's transaction: it only moves the position
		t.cur.next[input] = r.Offset + 1
		t.cur.records++
		t.cur.control++
		return nil
	}
	staged := t.cur.out.total
	for _, s := range t.states {
		s.Begin(r.Timestamp)
		s.From(input, r.Offset)
	}
	err := t.call(input, r)
	if err == nil && t.in.e.cfg.Check {
		for _, s := range t.states {
			if verr := s.Verify(); verr != nil {
				err = fatal(fmt.Errorf("processor %s: topic %s, partition %d, offset %d, key %q: %w",
					t.in.spec.Name, r.Topic, r.Partition, r.Offset, r.Key, verr))
			}
		}
	}
	if err != nil {
		if err = t.failed(input, r, err, staged); err != nil {
			return err
		}
	}
	if t.failing.Load() != nil {
		t.failing.Store(nil)
	}
	g := t.cur
	if input == timers {
		g.records++
		g.fired++
		return nil
	}
	if g.next[input] < 0 {
		g.first[input] = r.Timestamp
		t.oldest[input].CompareAndSwap(0, r.Timestamp.UnixMilli())
	}
	g.next[input] = t.passed(input, r)
	g.records++
	g.bytes += int64(len(r.Key) + len(r.Value))
	return nil
}

func (t *task) undo(staged int) {
	t.cur.out.truncate(staged)
	for _, s := range t.states {
		s.Rollback()
	}
}

// load says how full the generation is; beyond 1 it should be committed before its
// time.
func (t *task) load() float64 {
	n := 0
	for _, s := range t.states {
		n += s.Dirty()
	}
	return max(float64(t.cur.out.bytes)/float64(t.in.e.cfg.GenerationBytes), float64(n)/float64(t.in.e.cfg.GenerationKeys))
}

// lock takes mu between two records.
func (t *task) lock() {
	t.wanted.Add(1)
	t.mu.Lock()
	t.wanted.Add(-1)
}

// freeze ends the current generation and starts the next. It returns nil when
// nothing was handled. What the generation set is encoded part by part, and records
// of the next one are handled in between.
func (t *task) freeze() (*generation, error) {
	g, err := t.endGeneration()
	if g == nil {
		return nil, err
	}
	for i, s := range t.states {
		for more := true; more; {
			if more, err = t.encodeState(g, i, s); err != nil {
				return nil, fatal(t.unencodable(err))
			}
			if t.in.e.cfg.ExactlyOnce { // all or nothing: the order does not matter
				g.changelog.push(t.ctx, t.in.group)
			}
			t.getOn()
			runtime.Gosched() // rather here than by force with the lock held
		}
	}
	return g, nil
}

// endGeneration is the first part of freeze, which is short.
func (t *task) endGeneration() (*generation, error) {
	t.lock()
	defer t.mu.Unlock()
	g := t.cur
	t.held = t.in.e.cfg.ExactlyOnce
	if g.records == 0 {
		return nil, nil
	}
	if err := t.freezeTimers(g); err != nil {
		return nil, err
	}
	if err := t.freezeOvertaking(g); err != nil {
		return nil, err
	}
	t.ending = g
	g.changelog = newSends(&t.in.e.chunks, t.getOn)
	g.frozen = make([]table.Frozen, len(t.states))
	g.last = make([]*transport.Record, len(t.states))
	for i, s := range t.states {
		g.frozen[i] = s.Freeze()
	}
	t.cur = t.newGeneration()
	t.cur.arena = g.arena[len(g.arena):]
	return g, nil
}

// encodedLen is how many keys are encoded with the lock held: about a millisecond.
const encodedLen = 2048

// encodeState encodes the next part of a state of a generation that has ended. It
// returns whether there is more.
func (t *task) encodeState(g *generation, i int, s *openState) (more bool, err error) {
	t.lock()
	defer t.mu.Unlock()
	return s.Encode(g.frozen[i], encodedLen, func(key, value []byte, at time.Time) {
		r := g.changelog.next()
		r.Topic, r.Partition, r.Key, r.Value, r.Timestamp = s.topic, t.id, key, value, at
		g.last[i] = r
	})
}

// committed hands a generation to the stores.
func (t *task) committed(g *generation) {
	defer t.signal() // it may have stalled
	t.lock()
	defer t.mu.Unlock()
	t.ending = nil
	for i, s := range t.states {
		next := int64(-1)
		if g.last[i] != nil {
			next = g.last[i].Offset + 1
		}
		s.Committed(g.frozen[i], next)
	}
	t.noteDue()
	for i, o := range g.overtakers {
		if u := t.overtaking[i]; u != nil {
			u.committed = o
		}
	}
	for i, n := range g.next {
		if n >= 0 {
			t.position[i].Store(n)
		}
		oldest := int64(0)
		if t.cur.next[i] >= 0 {
			oldest = t.cur.first[i].UnixMilli()
		}
		t.oldest[i].Store(oldest)
	}
}

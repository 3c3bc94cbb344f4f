package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/internal/transport"
)

// chunkLen is how many records a chunk holds.
const chunkLen = 256

// chunk is a slab of records that is used again once all are acknowledged.
type chunk struct {
	records [chunkLen]transport.Record
	n       int
}

// chunkPool keeps free chunks. Unlike a sync.Pool it keeps them through
// garbage collections: the hot path allocates no records in the long run.
type chunkPool struct {
	mu   sync.Mutex
	free []*chunk
}

// maxFreeChunks bounds what the pool keeps: about 16 MiB of records.
const maxFreeChunks = 512

func (p *chunkPool) get() *chunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c
	}
	return new(chunk)
}

func (p *chunkPool) put(cs ...*chunk) {
	for _, c := range cs {
		clear(c.records[:c.n])
		c.n = 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := maxFreeChunks - len(p.free); len(cs) > n {
		cs = cs[:n]
	}
	p.free = append(p.free, cs...)
}

// sends are the output records of one generation of one task: staged with
// next, handed to the producer with push, waited for with wait. All but the
// acknowledgements need the task's lock, or sole ownership.
type sends struct {
	pool    *chunkPool
	chunks  []*chunk
	total   int // staged
	pushed  int // handed to the producer
	until   int // unpushed returns no more than so many in all
	bytes   int64
	topics  []TopicStats // of what was pushed
	acked   func(*transport.Record, error)
	rest    func() *transport.Record // unpushed, made once
	sent    atomic.Int64             // pushed, or about to be
	pending atomic.Int64             // of these not acknowledged, and one more until wait
	done    chan struct{}
	failure atomic.Pointer[produceError]
}

// produceError says which record could not be produced.
type produceError struct {
	tp  transport.TopicPartition
	key string
	err error
}

// acksBetween is how many acknowledgements lie between two reports of progress.
const acksBetween = 512

// newSends makes sends that report progress: now and then, when some more is
// acknowledged.
func newSends(pool *chunkPool, progress func()) *sends {
	s := &sends{pool: pool, done: make(chan struct{})}
	s.pending.Store(1)
	s.rest = s.unpushed
	s.acked = func(r *transport.Record, err error) {
		if err != nil {
			s.failure.CompareAndSwap(nil, &produceError{
				transport.TopicPartition{Topic: r.Topic, Partition: r.Partition}, string(r.Key), err})
		}
		switch n := s.pending.Add(-1); {
		case n == 0:
			close(s.done)
		case n%acksBetween == 0:
			progress()
		}
	}
	return s
}

// next stages a record for the caller to fill in.
func (s *sends) next() *transport.Record {
	n := len(s.chunks)
	if n == 0 || s.chunks[n-1].n == chunkLen {
		s.chunks = append(s.chunks, s.pool.get())
		n++
	}
	c := s.chunks[n-1]
	r := &c.records[c.n]
	c.n++
	s.total++
	return r
}

// truncate takes back what was staged after the first total records. Nothing
// of it may have been pushed.
func (s *sends) truncate(total int) {
	for s.total > total {
		n := len(s.chunks)
		c := s.chunks[n-1]
		c.n--
		c.records[c.n] = transport.Record{}
		s.total--
		if c.n == 0 {
			s.pool.put(c)
			s.chunks = s.chunks[:n-1]
		}
	}
}

// push hands the staged records to the producer. It blocks while the producer
// is full; ctx gives up what is not sent.
func (s *sends) push(ctx context.Context, p transport.Producer) { s.pushSome(ctx, p, s.total) }

// pushSome is push for the next max records. It returns whether more are staged.
func (s *sends) pushSome(ctx context.Context, p transport.Producer, max int) (more bool) {
	if n := min(max, s.total-s.pushed); n > 0 {
		s.until = s.pushed + n
		s.sent.Add(int64(n))
		s.pending.Add(int64(n))
		p.ProduceAll(ctx, s.rest, s.acked)
	}
	return s.pushed < s.total
}

// unpushed returns the next record that is to be pushed, and counts it; nil when
// there is none.
func (s *sends) unpushed() *transport.Record {
	if s.pushed == s.until {
		return nil
	}
	r := &s.chunks[s.pushed/chunkLen].records[s.pushed%chunkLen]
	s.pushed++
	size := int64(len(r.Key) + len(r.Value))
	s.bytes += size
	s.topics = count(s.topics, r.Topic, 1, size)
	return r
}

// unacked returns about how many records are not acknowledged, those among them
// that are not pushed yet. Nothing may be staged meanwhile.
func (s *sends) unacked() int {
	return s.total - int(s.sent.Load()-max(0, s.pending.Load()-1))
}

// wait waits until all that was pushed is acknowledged. It is called once,
// after the last push.
func (s *sends) wait(ctx context.Context) error {
	if s.pending.Add(-1) == 0 {
		close(s.done)
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if f := s.failure.Load(); f != nil {
		return &ProduceError{TopicPartition: f.tp, Key: f.key, Err: f.err}
	}
	return nil
}

// recycle gives the chunks back. Only after wait returned nil: until then the
// producer may still use the records.
func (s *sends) recycle() {
	s.pool.put(s.chunks...)
	s.chunks = nil
}

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
	bytes   int64
	topics  []TopicStats // of what was pushed
	acked   func(*transport.Record, error)
	rest    func() *transport.Record // unpushed, made once
	pending atomic.Int64             // pushed and not acknowledged, and one more until wait
	done    chan struct{}
	failure atomic.Pointer[produceError]
}

// produceError says which record could not be produced.
type produceError struct {
	tp  transport.TopicPartition
	key string
	err error
}

func newSends(pool *chunkPool) *sends {
	s := &sends{pool: pool, done: make(chan struct{})}
	s.pending.Store(1)
	s.rest = s.unpushed
	s.acked = func(r *transport.Record, err error) {
		if err != nil {
			s.failure.CompareAndSwap(nil, &produceError{
				transport.TopicPartition{Topic: r.Topic, Partition: r.Partition}, string(r.Key), err})
		}
		if s.pending.Add(-1) == 0 {
			close(s.done)
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
func (s *sends) push(ctx context.Context, p transport.Producer) {
	if s.pushed == s.total {
		return
	}
	s.pending.Add(int64(s.total - s.pushed))
	p.ProduceAll(ctx, s.rest, s.acked)
}

// unpushed returns the first staged record that is not pushed, and counts it; nil
// when there is none.
func (s *sends) unpushed() *transport.Record {
	if s.pushed == s.total {
		return nil
	}
	r := &s.chunks[s.pushed/chunkLen].records[s.pushed%chunkLen]
	s.pushed++
	size := int64(len(r.Key) + len(r.Value))
	s.bytes += size
	s.topics = count(s.topics, r.Topic, 1, size)
	return r
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

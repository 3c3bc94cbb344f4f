package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// readerBytes is how many bytes of a partition wait for its reader before it is
// paused. One fetch may come on top of it.
const readerBytes = 4 << 20

// tableReader is where a tableClient puts what it fetched of a partition, and
// where ReadTable takes it. A slow reader is paused; others are not held up.
type tableReader struct {
	tp transport.TopicPartition
	cl *kgo.Client // that fetches for it

	news chan struct{} // holds an element when there is something to take

	mu     sync.Mutex
	queue  []transport.TableBatch
	bytes  int
	paused bool
	err    error // after what is queued
	doubt  bool  // a broker knew no such topic

	gone bool // guarded by the tableClient: ReadTable has returned
}

func newTableReader(tp transport.TopicPartition) *tableReader {
	return &tableReader{tp: tp, news: make(chan struct{}, 1)}
}

func (r *tableReader) partitions() map[string][]int32 {
	return map[string][]int32{r.tp.Topic: {r.tp.Partition}}
}

// put queues a batch. Pausing and resuming happen under the lock, so that they
// reach franz-go in the order in which they were decided.
func (r *tableReader) put(b transport.TableBatch, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, b)
	r.bytes += size
	if r.bytes >= readerBytes && !r.paused {
		r.paused = true
		r.cl.PauseFetchPartitions(r.partitions())
	}
	r.notify()
}

// fail ends the reader once it has taken what is queued.
func (r *tableReader) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	r.notify()
}

// question has the reader ask whether its topic is still there.
func (r *tableReader) question() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubt = true
	r.notify()
}

func (r *tableReader) notify() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// take returns all that is queued and what came after it.
func (r *tableReader) take() (batches []transport.TableBatch, doubt bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batches, doubt = r.queue, r.doubt
	r.queue, r.bytes, r.doubt = nil, 0, false
	if r.paused {
		r.paused = false
		r.cl.ResumeFetchPartitions(r.partitions())
	}
	return batches, doubt, r.err
}

// tableBatch takes the control records out of a fetched partition and keeps
// their place. It returns the bytes of the rest.
func tableBatch(p *kgo.FetchPartition) (b transport.TableBatch, size int) {
	records, controls := p.Records, 0
	for _, r := range records {
		if r.Attrs.IsControl() {
			controls++
		}
		size += len(r.Key) + len(r.Value) + recordOverhead
	}
	b = transport.TableBatch{Records: records, Next: records[len(records)-1].Offset + 1, End: p.HighWatermark}
	if controls > 0 {
		b.Records = make([]*transport.Record, 0, len(records)-controls)
		for _, r := range records {
			if !r.Attrs.IsControl() {
				b.Records = append(b.Records, r)
			}
		}
	}
	return b, size
}

// recordOverhead is about what a record takes in memory beside its bytes.
const recordOverhead = 200

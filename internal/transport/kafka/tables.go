package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// tableBuffer is how many bytes of a table's partition wait for its reader
// before fetching pauses.
const tableBuffer = 4 << 20

// tableClient is one franz-go client that reads many partitions, each for one
// reader.
type tableClient struct {
	cl     *kgo.Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	readers map[transport.TopicPartition]*tableReader
}

// tableReader is where the client puts what it fetched of a partition.
type tableReader struct {
	mu     sync.Mutex
	queue  []transport.TableBatch
	bytes  int
	paused bool
	err    error
	news   chan struct{} // holds one element when there is something new
}

// ReadTable implements transport.Cluster.
func (c *Cluster) ReadTable(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	first, end, err := c.Bounds(ctx, tp)
	if err != nil {
		return err
	}
	if from < first || from > end {
		return &transport.OffsetOutOfRangeError{TopicPartition: tp, From: from, First: first, End: end}
	}
	if until >= 0 && from >= until {
		return nil
	}
	tc, r, err := c.reader(tp, from)
	if err != nil {
		return err
	}
	defer tc.remove(tp)
	next, quiet := from, 0
	for {
		batches, err := tc.take(tp, r)
		if err != nil {
			return c.tableError(ctx, tp, next, err)
		}
		for _, b := range batches {
			next, quiet = b.Next, 0
			if err := each(b); err != nil {
				return err
			}
			if until >= 0 && next >= until {
				return nil
			}
		}
		if len(batches) > 0 {
			continue
		}
		var idle <-chan time.Time
		if until >= 0 {
			idle = time.After(idleCheck)
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-idle:
			// The rest may be a hole that compaction left, in which nothing is
			// ever delivered. It is, if no transaction is open before until
			// and the brokers answer.
			if stable, err := c.stableEnd(ctx, tp); err == nil && stable >= until {
				quiet++
			}
			if quiet >= 3 {
				return each(transport.TableBatch{Next: until, End: until})
			}
		}
	}
}

// idleCheck is how long a bounded read waits before it looks whether there is
// anything to wait for.
const idleCheck = time.Second

// tableError names what ended a read.
func (c *Cluster) tableError(ctx context.Context, tp transport.TopicPartition, next int64, err error) error {
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		first, end, berr := c.Bounds(ctx, tp)
		if berr != nil {
			return berr
		}
		return &transport.OffsetOutOfRangeError{TopicPartition: tp, From: next, First: first, End: end}
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("read topic %s, partition %d: %w: %w", tp.Topic, tp.Partition, transport.ErrUnknownTopic, err)
	}
	return fmt.Errorf("read topic %s, partition %d, from offset %d: %w", tp.Topic, tp.Partition, next, mapped(err))
}

// stableEnd returns the last stable offset.
func (c *Cluster) stableEnd(ctx context.Context, tp transport.TopicPartition) (int64, error) {
	cl, err := kgo.NewClient(c.options("")...)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	return listStable(ctx, cl, tp)
}

// reader registers a reader at a client that does not read the partition yet.
func (c *Cluster) reader(tp transport.TopicPartition, from int64) (*tableClient, *tableReader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, transport.ErrClosed
	}
	r := &tableReader{news: make(chan struct{}, 1)}
	for _, tc := range c.readers {
		if tc.add(tp, from, r) {
			return tc, r, nil
		}
	}
	tc, err := c.newTableClient()
	if err != nil {
		return nil, nil, err
	}
	c.readers = append(c.readers, tc)
	tc.add(tp, from, r)
	return tc, r, nil
}

func (c *Cluster) newTableClient() (*tableClient, error) {
	cl, err := kgo.NewClient(append(c.options(""),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.FetchMaxPartitionBytes(1<<20),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka table reader: %w", err)
	}
	tc := &tableClient{cl: cl, readers: map[transport.TopicPartition]*tableReader{}}
	ctx, cancel := context.WithCancel(context.Background())
	tc.cancel = cancel
	tc.done.Go(func() { tc.poll(ctx) })
	return tc, nil
}

func (tc *tableClient) add(tp transport.TopicPartition, from int64, r *tableReader) bool {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if tc.readers[tp] != nil {
		return false
	}
	tc.readers[tp] = r
	tc.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{tp.Topic: {tp.Partition: kgo.NewOffset().At(from)}})
	return true
}

func (tc *tableClient) remove(tp transport.TopicPartition) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	tc.cl.RemoveConsumePartitions(map[string][]int32{tp.Topic: {tp.Partition}})
	tc.cl.ResumeFetchPartitions(map[string][]int32{tp.Topic: {tp.Partition}})
	delete(tc.readers, tp)
}

func (tc *tableClient) close() {
	tc.cancel()
	tc.done.Wait()
	tc.cl.Close()
	tc.mu.Lock()
	defer tc.mu.Unlock()
	for _, r := range tc.readers {
		r.put(transport.TableBatch{}, 0, transport.ErrClosed)
	}
}

// poll hands out what is fetched.
func (tc *tableClient) poll(ctx context.Context) {
	for {
		fetches := tc.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		tc.mu.Lock()
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			tp := transport.TopicPartition{Topic: f.Topic, Partition: f.Partition}
			r := tc.readers[tp]
			if r == nil {
				return
			}
			if f.Err != nil {
				if !kerr.IsRetriable(f.Err) || errors.Is(f.Err, kerr.UnknownTopicOrPartition) {
					r.put(transport.TableBatch{}, 0, f.Err)
				}
				return
			}
			if b, size := tableBatch(f); b.Next > 0 && r.put(b, size, nil) {
				tc.cl.PauseFetchPartitions(map[string][]int32{tp.Topic: {tp.Partition}})
			}
		})
		tc.mu.Unlock()
	}
}

// tableBatch takes the control records out and keeps their place.
func tableBatch(f kgo.FetchTopicPartition) (b transport.TableBatch, size int) {
	n := len(f.Records)
	if n == 0 {
		return b, 0
	}
	b = transport.TableBatch{Next: f.Records[n-1].Offset + 1, End: f.HighWatermark, Records: make([]*transport.Record, 0, n)}
	for _, r := range f.Records {
		if !r.Attrs.IsControl() {
			b.Records = append(b.Records, r)
			size += len(r.Key) + len(r.Value)
		}
	}
	return b, size
}

// put queues a batch or an error. It says whether fetching has to pause.
func (r *tableReader) put(b transport.TableBatch, size int, err error) (pause bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.err = err
	} else {
		r.queue = append(r.queue, b)
		r.bytes += size
	}
	select {
	case r.news <- struct{}{}:
	default:
	}
	if r.bytes > tableBuffer && !r.paused {
		r.paused = true
		return true
	}
	return false
}

// take takes all that is queued.
func (tc *tableClient) take(tp transport.TopicPartition, r *tableReader) ([]transport.TableBatch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.queue
	r.queue, r.bytes = nil, 0
	if r.paused {
		r.paused = false
		tc.cl.ResumeFetchPartitions(map[string][]int32{tp.Topic: {tp.Partition}})
	}
	if len(q) == 0 && r.err != nil {
		return nil, r.err
	}
	return q, nil
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// tables are the clients that read tables. A client reads each partition once
// at most, so that there are as many clients as there are readers of one
// partition at the same time. Readers that follow a table for ever have clients
// of their own: adding and removing a reader interrupts the others' fetches,
// and those that restore a store come and go.
type tables struct {
	c *Cluster

	mu      sync.Mutex
	clients []*tableClient
	control *kgo.Client // for requests about a log, made when first needed
	closed  bool
}

func newTables(c *Cluster) *tables { return &tables{c: c} }

// register finds a client for a reader, or makes one.
func (t *tables) register(r *tableReader, from int64, use tableUse) (*tableClient, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, transport.ErrClosed
	}
	for _, tc := range t.clients {
		if tc.use == use && tc.add(r, from) {
			return tc, nil
		}
	}
	tc, err := newTableClient(t.c, use)
	if err != nil {
		return nil, err
	}
	t.clients = append(t.clients, tc)
	tc.add(r, from)
	return tc, nil
}

func (t *tables) close() error {
	t.mu.Lock()
	clients, control := t.clients, t.control
	t.clients, t.control, t.closed = nil, nil, true
	t.mu.Unlock()
	for _, tc := range clients {
		tc.close()
	}
	if control != nil {
		control.Close()
	}
	return nil
}

// tableUse is what the readers of one client have in common.
type tableUse struct {
	bounded     bool
	uncommitted bool
}

// tableClient is one franz-go client that reads many partitions, each for one
// reader. One goroutine polls it and puts what comes into the readers' queues.
type tableClient struct {
	c       *Cluster
	cl      *kgo.Client
	use     tableUse
	end     context.CancelFunc
	polling sync.WaitGroup

	mu      sync.Mutex
	readers map[transport.TopicPartition]*tableReader // those that are gone until nothing of theirs can come any more
	old     map[string]bool                           // topics that may have been made anew since the client learned their ids
	wake    context.CancelFunc                        // of the poll that waits
}

func newTableClient(c *Cluster, use tableUse) (*tableClient, error) {
	cl, err := kgo.NewClient(append(c.options(""),
		// An offset that is not in the log is an error, never a reset.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(isolation(use.uncommitted)),
		kgo.KeepControlRecords(),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxPartitionBytes(1<<20),
		kgo.FetchMaxBytes(16<<20),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka table reader: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	tc := &tableClient{c: c, cl: cl, use: use, end: cancel, wake: func() {},
		readers: map[transport.TopicPartition]*tableReader{}, old: map[string]bool{}}
	tc.polling.Go(func() { tc.poll(ctx) })
	return tc, nil
}

// add makes the client read a partition, unless it does already, or still holds
// the topic of one that is gone, or knows the topic by an id that may be old:
// franz-go asks for that id for as long as it reads any partition of the topic.
func (tc *tableClient) add(r *tableReader, from int64) bool {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if tc.old[r.tp.Topic] {
		return false
	}
	for tp, other := range tc.readers {
		if tp == r.tp || other.gone && tp.Topic == r.tp.Topic {
			return false
		}
	}
	r.cl = tc.cl
	tc.readers[r.tp] = r
	tc.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.tp.Topic: {r.tp.Partition: kgo.NewOffset().At(from)}})
	return true
}

// remove says that nobody takes a reader's batches any more. It does not wait:
// the polling goroutine clears up.
func (tc *tableClient) remove(r *tableReader) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	r.gone = true
	tc.wake()
}

// outdated says that a topic may have been made anew.
func (tc *tableClient) outdated(topic string) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	tc.old[topic] = true
}

// close ends the readers that are left.
func (tc *tableClient) close() {
	tc.mu.Lock()
	for _, r := range tc.readers {
		r.fail(transport.ErrClosed)
	}
	tc.mu.Unlock()
	tc.end()
	tc.cl.Close()
	tc.polling.Wait()
}

// poll hands out what is fetched until the client is closed.
func (tc *tableClient) poll(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		pollCtx, cancel := context.WithCancel(ctx)
		tc.mu.Lock()
		gone := tc.gone()
		tc.wake = cancel
		tc.mu.Unlock()
		if len(gone) > 0 {
			tc.clear(gone)
			cancel()
			continue
		}
		fetches := tc.cl.PollFetches(pollCtx)
		cancel()
		if errors.Is(fetches.Err0(), kgo.ErrClientClosed) {
			return
		}
		if tc.handOut(fetches) {
			failures = 0
		} else if len(fetches) > 0 && fetches.Err0() == nil { // errors only: franz-go fetches again at once
			failures++
			wait(ctx, min(backoff(failures), 100*time.Millisecond))
		}
	}
}

func (tc *tableClient) gone() (gone []*tableReader) {
	for _, r := range tc.readers {
		if r.gone {
			gone = append(gone, r)
		}
	}
	return gone
}

// clear stops reading the partitions of readers that are gone. Until it is
// done, they are in the way of others (see add), who would otherwise be given
// what was fetched for them.
func (tc *tableClient) clear(gone []*tableReader) {
	leaving := map[string][]int32{}
	for _, r := range gone {
		leaving[r.tp.Topic] = append(leaving[r.tp.Topic], r.tp.Partition)
	}
	tc.mu.Lock()
	left := map[string]bool{}
	for tp, r := range tc.readers {
		left[tp.Topic] = left[tp.Topic] || !r.gone
	}
	tc.mu.Unlock()
	tc.cl.RemoveConsumePartitions(maps.Clone(leaving))
	tc.cl.ResumeFetchPartitions(leaving) // a pause outlives the removal
	topics := slices.DeleteFunc(slices.Collect(maps.Keys(leaving)), func(t string) bool { return left[t] })
	// Without it the client asks for the topic's metadata for ever, and sticks
	// to the topic's id.
	tc.cl.PurgeTopicsFromConsuming(topics...)
	// The removal has dropped what was fetched; this drops the errors.
	//lint:ignore SA1012 to franz-go, nil is a poll that does not wait
	tc.handOut(tc.cl.PollFetches(nil))
	tc.mu.Lock()
	defer tc.mu.Unlock()
	for _, r := range gone {
		delete(tc.readers, r.tp)
	}
	for _, topic := range topics {
		delete(tc.old, topic)
	}
}

// handOut puts what was fetched into the readers' queues. It says whether there
// were any records.
func (tc *tableClient) handOut(fetches kgo.Fetches) (records bool) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	for i := range fetches {
		for j := range fetches[i].Topics {
			t := &fetches[i].Topics[j]
			for k := range t.Partitions {
				p := &t.Partitions[k]
				r := tc.readers[transport.TopicPartition{Topic: t.Topic, Partition: p.Partition}]
				switch {
				case r == nil || r.gone:
					if p.Err != nil && !errors.Is(p.Err, context.Canceled) {
						tc.c.cfg.Logger.Warn("kafka: table reader", "topic", t.Topic, "partition", p.Partition, "error", p.Err)
					}
					continue
				case len(p.Records) > 0:
					records = true
					r.put(tableBatch(p))
				}
				switch {
				case errors.Is(p.Err, kerr.UnknownTopicID):
					tc.old[t.Topic] = true
					r.question()
				case p.Err != nil && !kerr.IsRetriable(p.Err):
					r.fail(p.Err)
				}
			}
		}
	}
	return records
}

package topics

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/workload"
)

// Held is a topic whose last records are written, but in a transaction that is
// still open: who reads committed records only waits before them. So a reader
// can be started, and warmed by the first records, before the others are there,
// all at once.
type Held struct {
	// First and All are the positions behind the first records, and behind all,
	// by partition. Markers of transactions, which have offsets too, are not in
	// them.
	First, All Ends

	client *kgo.Client
}

// Ends are positions by partition.
type Ends map[int32]int64

// Sum is that of all partitions' positions.
func (e Ends) Sum() (n int64) {
	for _, end := range e {
		n += end
	}
	return n
}

// Hold writes the first records to a topic, and the others into a transaction.
func (t *Topics) Hold(ctx context.Context, topic string, first, others iter.Seq[workload.Record]) (_ *Held, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(20*time.Millisecond), kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.TransactionalID("hold-"+topic), kgo.TransactionTimeout(holdTimeout))
	if err != nil {
		return nil, err
	}
	h := &Held{client: cl}
	defer func() {
		if err != nil {
			cl.Close()
		}
	}()
	if h.First, err = h.write(ctx, topic, first); err != nil {
		return nil, err
	}
	if err := h.Release(ctx); err != nil {
		return nil, err
	}
	last, err := h.write(ctx, topic, others)
	if err != nil {
		return nil, err
	}
	h.All = Ends{}
	for _, ends := range []Ends{h.First, last} {
		for p, end := range ends {
			h.All[p] = max(h.All[p], end)
		}
	}
	return h, nil
}

// holdTimeout is that of the brokers, at most; then they abort the transaction.
const holdTimeout = 15 * time.Minute

// write begins a transaction, and returns the position behind each partition's last record.
func (h *Held) write(ctx context.Context, topic string, records iter.Seq[workload.Record]) (Ends, error) {
	if err := h.client.BeginTransaction(); err != nil {
		return nil, err
	}
	ends := Ends{}
	var failed error
	for r := range records {
		if ctx.Err() != nil {
			break // each of the others would fail
		}
		h.client.Produce(ctx, &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Timestamp: r.At}, func(rec *kgo.Record, err error) {
			if err == nil { // promises come one after the other
				ends[rec.Partition] = max(ends[rec.Partition], rec.Offset+1)
			} else if failed == nil {
				failed = err
			}
		})
	}
	if err := h.client.Flush(ctx); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, failed)
	}
	return ends, nil
}

// Release makes the records readable that are not yet.
func (h *Held) Release(ctx context.Context) error { return h.client.EndTransaction(ctx, kgo.TryCommit) }

// Close ends the connection. What was not released is never readable.
func (h *Held) Close() { h.client.Close() }

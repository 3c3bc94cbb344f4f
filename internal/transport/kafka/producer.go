package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// producer is a [transport.Producer]: a franz-go client that produces.
type producer struct {
	cl   *kgo.Client
	acks acks
}

var _ transport.Producer = (*producer)(nil)

// NewProducer implements [transport.Cluster].
func (c *Cluster) NewProducer(_ context.Context, cfg transport.ProducerConfig) (transport.Producer, error) {
	cl, err := kgo.NewClient(append(c.options(cfg.ClientID), producing(cfg.Explicit, cfg.BufferedBytes)...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka producer: %w", err)
	}
	return &producer{cl: cl}, nil
}

// defaultBufferedBytes is the bound of what waits for acknowledgement.
const defaultBufferedBytes = 64 << 20

// producing are the options of every client that produces. It is idempotent
// (franz-go's default), waits for all in-sync replicas, and tries for as long
// as it takes: an outage holds records back and loses none.
//
// There is no linger: while five requests to a broker are under way, franz-go's
// limit for an idempotent producer, records collect into the next ones by
// themselves, so that batches are large when there is much to send and a lone
// record goes out at once. BenchmarkProduce shows that a linger saves nothing.
// Batches are not compressed.
func producing(explicit []string, buffered int) []kgo.Opt {
	if buffered <= 0 {
		buffered = defaultBufferedBytes
	}
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedBytes(buffered),
		kgo.MaxBufferedRecords(math.MaxInt32), // bytes are the bound
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProduceRequestTimeout(10 * time.Second),
		// A topic that was just created is unknown to some brokers for a while.
		// These are answers that a broker gave; an outage is not counted.
		kgo.UnknownTopicRetries(20),
		kgo.RecordPartitioner(partitioner(explicit)),
	}
}

// Produce implements [transport.Producer].
func (p *producer) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	p.cl.Produce(ctx, r, p.acks.promise(acked))
}

// Close implements [transport.Producer].
func (p *producer) Close() { p.cl.Close() }

// acks makes franz-go's promises from acknowledgements, translating errors.
// They are reused, so that a record costs no closure.
type acks struct{ free sync.Pool }

type ack struct {
	acked   func(*transport.Record, error)
	promise func(*kgo.Record, error)
}

func (s *acks) promise(acked func(*transport.Record, error)) func(*kgo.Record, error) {
	a, ok := s.free.Get().(*ack)
	if !ok {
		a = &ack{}
		a.promise = func(r *kgo.Record, err error) {
			acked := a.acked
			a.acked = nil
			s.free.Put(a) // franz-go calls a promise once
			if err != nil {
				err = produceError(r, err)
			}
			acked(r, err)
		}
	}
	a.acked = acked
	return a.promise
}

func produceError(r *kgo.Record, err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("produce to topic %s: %w: %w", r.Topic, transport.ErrUnknownTopic, err)
	}
	return fmt.Errorf("produce to topic %s: %w", r.Topic, err)
}

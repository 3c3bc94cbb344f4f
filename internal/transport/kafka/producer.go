package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/murmur2"
	"github.com/millrace/millrace/internal/transport"
)

// producer is a franz-go client that produces.
type producer struct{ cl *kgo.Client }

// NewProducer implements transport.Cluster.
func (c *Cluster) NewProducer(_ context.Context, cfg transport.ProducerConfig) (transport.Producer, error) {
	cl, err := kgo.NewClient(append(c.options(cfg.ClientID), producing(cfg.Explicit, cfg.BufferedBytes)...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka producer: %w", err)
	}
	return &producer{cl}, nil
}

// producing are the options of every client that produces. It is idempotent,
// waits for all in-sync replicas, and tries for as long as it takes: an outage
// holds records back and loses none.
func producing(explicit []string, buffered int) []kgo.Opt {
	if buffered <= 0 {
		buffered = 64 << 20
	}
	fixed := map[string]bool{}
	for _, t := range explicit {
		fixed[t] = true
	}
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedBytes(buffered),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProduceRequestTimeout(10 * time.Second),
		kgo.UnknownTopicRetries(20),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(topic string) func(*kgo.Record, int) int {
			if fixed[topic] {
				return func(r *kgo.Record, _ int) int { return int(r.Partition) }
			}
			spread := 0
			return func(r *kgo.Record, n int) int {
				if r.Key == nil {
					spread++
					return spread % n
				}
				return int(murmur2.Partition(r.Key, int32(n)))
			}
		})),
	}
}

// Produce implements transport.Producer.
func (p *producer) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	p.cl.Produce(ctx, r, func(r *kgo.Record, err error) { acked(r, mapped(err)) })
}

// Close implements transport.Producer.
func (p *producer) Close() { p.cl.Close() }

func mapped(err error) error {
	if errors.Is(err, kgo.ErrClientClosed) {
		return transport.ErrClosed
	}
	return err
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// producer is a [transport.Producer]: a franz-go client that produces.
type producer struct{ cl *kgo.Client }

var _ transport.Producer = (*producer)(nil)

// NewProducer implements [transport.Cluster].
func (c *Cluster) NewProducer(_ context.Context, cfg transport.ProducerConfig) (transport.Producer, error) {
	opts := append(c.options(cfg.ClientID), c.producing(cfg.Partitioning, cfg.BufferedBytes)...)
	if cfg.Compression != "" {
		codecs, err := codecs(cfg.Compression)
		if err != nil {
			return nil, fmt.Errorf("kafka producer: %w", err)
		}
		opts = append(opts, codecs)
	}
	switch cfg.Acks {
	case transport.AcksLeader:
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case transport.AcksNone:
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		if cfg.NotIdempotent {
			opts = append(opts, kgo.DisableIdempotentWrite())
		}
	}
	cl, err := kgo.NewClient(opts...)
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
func (c *Cluster) producing(p transport.Partitioning, buffered int) []kgo.Opt {
	compression, err := codecs(c.cfg.Compression)
	if err != nil { // New has checked it
		compression = kgo.ProducerBatchCompression(kgo.NoCompression())
	}
	if buffered <= 0 {
		buffered = defaultBufferedBytes
	}
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.MaxBufferedBytes(buffered),
		kgo.ProducerBatchMaxBytesFn(c.limits.of),
		kgo.MaxBufferedRecords(math.MaxInt32), // bytes are the bound
		kgo.ProducerLinger(0),
		compression,
		kgo.ProduceRequestTimeout(10 * time.Second),
		// A topic that was just created is unknown to some brokers for a while.
		// These are answers that a broker gave; an outage is not counted.
		kgo.UnknownTopicRetries(20),
		kgo.RecordPartitioner(partitioner{p}),
	}
}

// codecs is franz-go's form of a compression. All are in Go, without cgo.
func codecs(c transport.Compression) (kgo.ProducerOpt, error) {
	codec, ok := map[transport.Compression]kgo.CompressionCodec{
		"":                          kgo.NoCompression(),
		transport.CompressionNone:   kgo.NoCompression(),
		transport.CompressionGzip:   kgo.GzipCompression(),
		transport.CompressionSnappy: kgo.SnappyCompression(),
		transport.CompressionLZ4:    kgo.Lz4Compression(),
		transport.CompressionZstd:   kgo.ZstdCompression(),
	}[c]
	if !ok {
		return nil, fmt.Errorf("compression %q is unknown: use none, gzip, snappy, lz4 or zstd", string(c))
	}
	return kgo.ProducerBatchCompression(codec), nil
}

// Produce implements [transport.Producer].
func (p *producer) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	p.cl.Produce(ctx, r, promise(acked))
}

// ProduceAll implements [transport.Producer].
func (p *producer) ProduceAll(ctx context.Context, next func() *transport.Record, acked func(*transport.Record, error)) {
	produceAll(ctx, p.cl, next, acked)
}

// produceAll makes one promise for all records.
func produceAll(ctx context.Context, cl *kgo.Client, next func() *transport.Record, acked func(*transport.Record, error)) {
	p := promise(acked)
	for r := next(); r != nil; r = next() {
		cl.Produce(ctx, r, p)
	}
}

// promise makes franz-go's promise from an acknowledgement: its errors are ours.
func promise(acked func(*transport.Record, error)) func(*kgo.Record, error) {
	return func(r *kgo.Record, err error) {
		if err != nil {
			err = produceError(r, err)
		}
		acked(r, err)
	}
}

// Close implements [transport.Producer].
func (p *producer) Close() { p.cl.Close() }

func produceError(r *kgo.Record, err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("produce to topic %s: %w: %w", r.Topic, transport.ErrUnknownTopic, err)
	case errors.Is(err, kerr.InvalidTimestamp):
		return fmt.Errorf("produce to topic %s: the timestamp %s is too far from the broker's clock: set this machine's clock, "+
			"or the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms: %w",
			r.Topic, r.Timestamp.UTC().Format(time.RFC3339), err)
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("produce to topic %s: a record of %d bytes, or the batch that it was in, is too large: "+
			"raise the topic's max.message.bytes, and start again: %w", r.Topic, size(r), err)
	}
	return fmt.Errorf("produce to topic %s: %w", r.Topic, err)
}

// size is about what a record takes on the wire, uncompressed.
func size(r *kgo.Record) int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

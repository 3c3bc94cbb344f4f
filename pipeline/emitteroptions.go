package pipeline

import (
	"fmt"

	"github.com/millrace/millrace/internal/transport"
)

// EmitterOption configures an emitter.
type EmitterOption func(*emitterOptions)

type emitterOptions struct {
	acks          Acks
	notIdempotent bool
	compression   Compression
	spread        transport.Spread
	buffer        int
	refuse        bool
	own           bool // something that needs a connection of the emitter's own
	problems      []string
}

// Acks says who must have a record before it is acknowledged.
type Acks = transport.Acks

const (
	// AcksAll waits for all in-sync replicas. Default.
	AcksAll = transport.AcksAll
	// AcksLeader waits for the partition's leader: records can be lost with
	// it, and written twice.
	AcksLeader = transport.AcksLeader
	// AcksNone waits for nobody: a record counts as acknowledged when it was
	// sent, lost or not.
	AcksNone = transport.AcksNone
)

// RequireAcks says who must have a record before it is acknowledged. With less
// than AcksAll the emitter is not idempotent.
func RequireAcks(a Acks) EmitterOption {
	return func(o *emitterOptions) {
		o.acks, o.own = a, true
		if a < AcksAll || a > AcksNone {
			o.problems = append(o.problems, fmt.Sprintf("acks %d: use AcksAll, AcksLeader or AcksNone", a))
		}
	}
}

// NotIdempotent lets a record be written twice, or out of order, after a lost
// acknowledgement. It is for clusters that do not allow idempotent producers.
func NotIdempotent() EmitterOption {
	return func(o *emitterOptions) { o.notIdempotent, o.own = true, true }
}

// Compress sets how batches are compressed, instead of Config.Compression.
func Compress(c Compression) EmitterOption {
	return func(o *emitterOptions) {
		o.compression, o.own = c, true
		switch c {
		case CompressionNone, CompressionGzip, CompressionSnappy, CompressionLZ4, CompressionZstd:
		default:
			o.problems = append(o.problems, fmt.Sprintf("compression %q: use none, gzip, snappy, lz4 or zstd", string(c)))
		}
	}
}

// RoundRobin spreads records without a key one by one over the partitions. By
// default some go to one partition, the next to another, so that batches fill.
func RoundRobin() EmitterOption {
	return func(o *emitterOptions) { o.spread, o.own = transport.SpreadRoundRobin, true }
}

// Sticky sends records without a key to one partition until its batch is sent
// (KIP-480): the largest batches, and a less even spread.
func Sticky() EmitterOption {
	return func(o *emitterOptions) { o.spread, o.own = transport.SpreadSticky, true }
}

// BufferBytes bounds what waits for acknowledgement: keys, values, headers and
// 200 bytes a record. At the bound emitting blocks; a record that is larger
// waits until it is the only one. Default 16 MiB.
func BufferBytes(n int) EmitterOption {
	return func(o *emitterOptions) {
		o.buffer = n
		if n < 1 {
			o.problems = append(o.problems, fmt.Sprintf("buffer of %d bytes: it must be positive", n))
		}
	}
}

// FailWhenFull makes emitting return ErrFull at the bound instead of blocking.
func FailWhenFull() EmitterOption { return func(o *emitterOptions) { o.refuse = true } }

// newEmitterOptions applies options and reports all that is wrong with them
// and with the topic.
func newEmitterOptions(r Ref, opts []EmitterOption) (emitterOptions, error) {
	o := emitterOptions{buffer: 16 << 20}
	for _, f := range opts {
		f(&o)
	}
	return o, checkUse("emitter of topic "+r.Name(), r, o.problems)
}

// checkUse validates a topic that is used outside a topology.
func checkUse(where string, r Ref, problems []string) error {
	v := &validator{seen: map[string]*use{}}
	v.see(where, r.definition())
	for _, p := range problems {
		v.add(ErrConfig, where, "%s", p)
	}
	if len(v.problems) > 0 {
		return &ValidationError{where, v.problems}
	}
	return nil
}

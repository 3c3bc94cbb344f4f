package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// Target is a Topic or a Table with values of type V.
type Target[V any] interface {
	Ref
	base() def[V]
}

func (d def[V]) base() def[V] {
	d.name = d.topic()
	return d
}

// Emitter writes to a topic or a table from outside a topology. A record goes
// to the partition that the topic's partitioner chooses for its key (see
// PartitionedBy), or to the one that it was given with Record.To. Records of
// one partition are written in the order of the calls.
//
// What is not acknowledged is tried again through outages, for as long as its
// context lets, and bounded in bytes: see BufferBytes. An emitter is safe for
// concurrent use.
//
//	Emit, EmitAt, Delete, Send   wait for the acknowledgement
//	EmitAsync, SendAsync         queue, and call back
//	Flush                        waits for all that was queued
type Emitter[V any] struct {
	def      def[V]
	opts     emitterOptions
	window   *window
	producer func() (transport.Producer, error)
	release  func() error // gives up what is not acknowledged; nil if the connection is another's
	patience time.Duration
	emitted  func(EmitStats) // may be nil
}

// EmitterOf returns an emitter that uses the connection of a service. It works
// while the service runs; the topic must be part of the topology. Of the
// options, only BufferBytes and FailWhenFull can be used.
func EmitterOf[V any](s *Service, t Target[V], opts ...EmitterOption) (*Emitter[V], error) {
	if _, ok := s.defs[t.Name()]; !ok {
		return nil, fmt.Errorf("emitter: topic %s: %w: it is not part of topology %q", t.Name(), ErrUnknown, s.topology.name)
	}
	o, err := newEmitterOptions(t, opts)
	if err != nil {
		return nil, err
	}
	if o.own {
		return nil, fmt.Errorf("emitter of topic %s: %w: the connection is the service's: use NewEmitter for options other than BufferBytes and FailWhenFull",
			t.Name(), ErrConfig)
	}
	return newEmitter(t.base(), o, s.cfg, nil, func() (transport.Producer, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.producer == nil {
			return nil, ErrNotRunning
		}
		return s.producer, nil
	}), nil
}

// NewEmitter connects an emitter of its own, idempotent and waiting for all
// in-sync replicas unless options say otherwise. Of the configuration, what
// concerns the connection counts, Compression, Metrics, and DrainTimeout for
// Close. It waits for a broker, and checks the codec, as a service does. Close
// it.
func NewEmitter[V any](ctx context.Context, t Target[V], c Config, opts ...EmitterOption) (*Emitter[V], error) {
	o, err := newEmitterOptions(t, opts)
	if err := errors.Join(c.Validate(), err); err != nil {
		return nil, err
	}
	if check := checker(t.base().codec); check != nil {
		bounded, cancel := c.checkContext(ctx)
		defer cancel()
		if err := check(bounded, true); err != nil {
			return nil, fmt.Errorf("emitter of topic %s: %w", t.Name(), err)
		}
	}
	cluster, closeCluster, err := c.connect(ctx, c.ClientID, "")
	if err != nil {
		return nil, fmt.Errorf("emitter of topic %s: %w", t.Name(), err)
	}
	// The producer then knows how large records may be. Whoever may not see the
	// topic's configuration can write the usual megabyte.
	_, _ = cluster.Describe(ctx, t.Name())
	p, err := cluster.NewProducer(ctx, transport.ProducerConfig{
		ClientID: c.ClientID,
		Partitioning: transport.Partitioning{
			By:     map[string]partition.By{t.Name(): t.base().partitioner()},
			Spread: o.spread,
		},
		// The emitter's own bound comes first: it is the one that can refuse.
		BufferedBytes: max(2*o.buffer, 64<<20),
		Acks:          o.acks,
		NotIdempotent: o.notIdempotent,
		Compression:   o.compression,
	})
	if err != nil {
		return nil, errors.Join(err, closeCluster())
	}
	release := func() error { p.Close(); return closeCluster() }
	return newEmitter(t.base(), o, c, release, func() (transport.Producer, error) { return p, nil }), nil
}

func newEmitter[V any](d def[V], o emitterOptions, c Config, release func() error, p func() (transport.Producer, error)) *Emitter[V] {
	return &Emitter[V]{def: d, opts: o, window: newWindow(int64(o.buffer), o.refuse), producer: p, release: release,
		patience: c.WithDefaults().DrainTimeout, emitted: c.Metrics.Emitted}
}

// Flush waits until all that was emitted before is acknowledged or given up.
// Its error is an *UnacknowledgedError of what was given up since the last
// Flush, or the context's.
func (e *Emitter[V]) Flush(ctx context.Context) error {
	if err := e.window.flush(ctx); err != nil {
		return fmt.Errorf("flush of topic %s: %w", e.def.name, err)
	}
	return e.unacknowledged(e.window.takeFailures())
}

// Close waits until all that was emitted is acknowledged, for up to
// Config.DrainTimeout, gives up what is not by then, and closes the emitter's
// connection. Its error is an *UnacknowledgedError of what was given up since
// the last Flush. An emitter that is closed emits nothing: ErrEmitterClosed. A
// further Close does nothing.
func (e *Emitter[V]) Close() error {
	if !e.window.close() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.patience)
	defer cancel()
	waiting := e.window.flush(ctx) != nil
	var err error
	if e.release != nil {
		err = e.release()
		if waiting { // the producer calls back for all that is left
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = e.window.flush(ctx)
		}
	}
	failures := e.window.takeFailures()
	if e.release == nil && waiting { // the service goes on trying
		failures.count += e.window.waiting()
		failures.first = errors.Join(failures.first, context.DeadlineExceeded)
	}
	return errors.Join(e.unacknowledged(failures), err)
}

// UnacknowledgedError says how many records of an emitter were given up, and
// may be in the topic or not.
type UnacknowledgedError struct {
	Topic   string
	Records int
	Keys    []string // the keys of the first of them, at most 10
	Err     error    // of the first
}

func (e *UnacknowledgedError) Error() string {
	return fmt.Sprintf("topic %s: %d record(s) were not acknowledged, with the keys %q first: %v", e.Topic, e.Records, e.Keys, e.Err)
}

func (e *UnacknowledgedError) Unwrap() error { return e.Err }

func (e *Emitter[V]) unacknowledged(f failures) error {
	if f.count == 0 {
		return nil
	}
	return &UnacknowledgedError{Topic: e.def.name, Records: f.count, Keys: f.keys, Err: f.first}
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
)

// Target is a Topic or a Table with values of type V.
type Target[V any] interface {
	Ref
	base() def[V]
}

func (d def[V]) base() def[V] { return d }

// Emitter writes to a topic or a table from outside a topology. It is
// idempotent and waits for all in-sync replicas. It is safe for concurrent
// use.
type Emitter[V any] struct {
	def      def[V]
	producer func() (transport.Producer, error)
	close    func() error
	emitted  func(EmitStats) // may be nil
}

// EmitterOf returns an emitter that uses the connection of a service. It works
// while the service runs; the topic must be part of the topology.
func EmitterOf[V any](s *Service, t Target[V]) (*Emitter[V], error) {
	if _, ok := s.defs[t.Name()]; !ok {
		return nil, fmt.Errorf("emitter: topic %s: %w: it is not part of topology %q", t.Name(), ErrUnknown, s.topology.name)
	}
	return &Emitter[V]{def: t.base(), emitted: s.cfg.Metrics.Emitted, close: func() error { return nil }, producer: func() (transport.Producer, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.producer == nil {
			return nil, ErrNotRunning
		}
		return s.producer, nil
	}}, nil
}

// NewEmitter connects an emitter of its own. Only Brokers, ClientID, Logger
// and Metrics of the configuration count. Close it.
func NewEmitter[V any](ctx context.Context, t Target[V], c Config) (*Emitter[V], error) {
	if len(c.Brokers) == 0 {
		return nil, fmt.Errorf("emitter: %w: Brokers: no address", ErrConfig)
	}
	cluster, err := kafka.New(ctx, kafka.Config{Brokers: c.Brokers, ClientID: c.ClientID, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	p, err := cluster.NewProducer(ctx, transport.ProducerConfig{ClientID: c.ClientID})
	if err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return &Emitter[V]{def: t.base(), emitted: c.Metrics.Emitted, producer: func() (transport.Producer, error) { return p, nil },
		close: func() error { p.Close(); return cluster.Close() }}, nil
}

// Emit writes a value and waits until it is acknowledged.
func (e *Emitter[V]) Emit(ctx context.Context, key string, v V, headers ...Header) error {
	return e.sync(ctx, func(done func(error)) error { return e.EmitAsync(ctx, key, v, time.Time{}, done, headers...) })
}

// EmitAt is Emit with a time for the record.
func (e *Emitter[V]) EmitAt(ctx context.Context, key string, v V, at time.Time, headers ...Header) error {
	return e.sync(ctx, func(done func(error)) error { return e.EmitAsync(ctx, key, v, at, done, headers...) })
}

// Delete writes a record without a value: a deletion, for a table. It waits
// until it is acknowledged.
func (e *Emitter[V]) Delete(ctx context.Context, key string) error {
	return e.sync(ctx, func(done func(error)) error {
		return e.produce(ctx, &transport.Record{Topic: e.def.name, Key: raw(key)}, done)
	})
}

// EmitAsync queues a value and calls done once, with nil when it is
// acknowledged. It blocks while too much waits for acknowledgement. A zero
// time stands for now. An error is returned for what could not be queued; done
// is not called then.
func (e *Emitter[V]) EmitAsync(ctx context.Context, key string, v V, at time.Time, done func(error), headers ...Header) error {
	b, err := e.def.codec.Append(nil, v)
	if err != nil {
		return fmt.Errorf("emit to topic %s, key %q: encode: %w", e.def.name, key, err)
	}
	if b == nil {
		b = []byte{}
	}
	return e.produce(ctx, &transport.Record{Topic: e.def.name, Key: raw(key), Value: b, Timestamp: at,
		Headers: transportHeaders(headers)}, done)
}

func (e *Emitter[V]) produce(ctx context.Context, r *transport.Record, done func(error)) error {
	p, err := e.producer()
	if err != nil {
		return fmt.Errorf("emit to topic %s: %w", e.def.name, err)
	}
	p.Produce(ctx, r, func(r *transport.Record, err error) {
		if err != nil {
			err = fmt.Errorf("emit to topic %s, key %q: %w", r.Topic, r.Key, err)
		}
		if e.emitted != nil {
			e.emitted(EmitStats{r.Topic, len(r.Key) + len(r.Value), err})
		}
		done(err)
	})
	return nil
}

func (e *Emitter[V]) sync(ctx context.Context, start func(done func(error)) error) error {
	result := make(chan error, 1)
	if err := start(func(err error) { result <- err }); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close gives up what is not acknowledged and closes the emitter's connection.
func (e *Emitter[V]) Close() error { return e.close() }

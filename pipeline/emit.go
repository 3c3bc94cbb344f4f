package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// Position is where a record is in its topic.
type Position struct {
	Partition int
	Offset    int64 // -1 if it is not known, as with AcksNone
}

// Emit writes a value and waits until it is acknowledged. A context that ends
// makes it return; the record is given up unless it is on its way already.
func (e *Emitter[V]) Emit(ctx context.Context, key string, v V, headers ...Header) error {
	return e.EmitAt(ctx, key, v, time.Time{}, headers...)
}

// EmitAt is Emit with a time for the record.
func (e *Emitter[V]) EmitAt(ctx context.Context, key string, v V, at time.Time, headers ...Header) error {
	_, err := wait(ctx, func(done func(Position, error)) error { return e.value(ctx, key, v, at, done, headers) })
	return err
}

// Delete writes a record without a value: a deletion, for a table. It waits
// until it is acknowledged.
func (e *Emitter[V]) Delete(ctx context.Context, key string) error {
	_, err := wait(ctx, func(done func(Position, error)) error {
		return e.produce(ctx, &transport.Record{Topic: e.def.name, Key: raw(key)}, done)
	})
	return err
}

// EmitAsync queues a value and calls done once, from another goroutine, with
// nil when it is acknowledged; done may be nil: Flush and Close report what is
// given up. done may emit, but not wait. EmitAsync blocks while too much waits
// for acknowledgement, unless the emitter refuses then (FailWhenFull). A zero
// time stands for now. An error is returned for what could not be queued; done
// is not called then.
func (e *Emitter[V]) EmitAsync(ctx context.Context, key string, v V, at time.Time, done func(error), headers ...Header) error {
	var acked func(Position, error)
	if done != nil {
		acked = func(_ Position, err error) { done(err) }
	}
	return e.value(ctx, key, v, at, acked, headers)
}

// Send writes a record that the topic made, such as
//
//	orders.Record("o1", order).At(t).With("trace", id).To(3)
//
// and waits until it is acknowledged. It returns where the record is.
func (e *Emitter[V]) Send(ctx context.Context, r Record) (Position, error) {
	return wait(ctx, func(done func(Position, error)) error { return e.SendAsync(ctx, r, done) })
}

// SendAsync is to Send as EmitAsync is to Emit.
func (e *Emitter[V]) SendAsync(ctx context.Context, r Record, done func(Position, error)) error {
	if r.topic != e.def.name {
		return fmt.Errorf("emit to topic %s: %w: the record is one of topic %s", e.def.name, ErrMismatch, r.topic)
	}
	tr, err := r.Encoded()
	if err != nil {
		return err
	}
	return e.produce(ctx, tr, done)
}

func (e *Emitter[V]) value(ctx context.Context, key string, v V, at time.Time, done func(Position, error), headers []Header) error {
	b, err := e.def.encode(v)
	if err != nil {
		return fmt.Errorf("emit to topic %s, key %q: encode: %w", e.def.name, key, err)
	}
	return e.produce(ctx, &transport.Record{Topic: e.def.name, Key: raw(key), Value: b, Timestamp: at,
		Headers: transportHeaders(headers)}, done)
}

// encode encodes a value for a record: never to nil, which is a deletion. A
// codec that panics fails.
func (d def[V]) encode(v V) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("codec %s panicked: %v", d.codec.Name(), p)
		}
	}()
	return d.codec.Append([]byte{}, v)
}

// recordOverhead is about what a record takes in memory beside its bytes.
const recordOverhead = 200

func recordSize(r *transport.Record) int64 {
	n := len(r.Key) + len(r.Value) + recordOverhead
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

func (e *Emitter[V]) produce(ctx context.Context, r *transport.Record, done func(Position, error)) error {
	p, err := e.producer()
	if err != nil {
		return fmt.Errorf("emit to topic %s: %w", e.def.name, err)
	}
	size := recordSize(r)
	held, err := e.window.enter(ctx, size)
	if err != nil {
		return fmt.Errorf("emit to topic %s, key %q: %w", e.def.name, r.Key, err)
	}
	p.Produce(ctx, r, func(r *transport.Record, err error) {
		at := Position{int(r.Partition), r.Offset}
		if err != nil {
			err = emitError(r, err)
			at = Position{-1, -1}
		} else if e.opts.acks == AcksNone {
			at.Offset = -1
		}
		if e.emitted != nil {
			e.emitted(EmitStats{r.Topic, len(r.Key) + len(r.Value), err})
		}
		e.window.free(size)
		if done != nil {
			done(at, err)
		}
		e.window.leave(held, string(r.Key), err)
	})
	return nil
}

func emitError(r *transport.Record, err error) error {
	if errors.Is(err, ErrUnknownTopic) {
		err = fmt.Errorf("%w: create it, or start the topology that declares it", err)
	}
	return fmt.Errorf("emit to topic %s, key %q: %w", r.Topic, r.Key, err)
}

// wait waits for the end of what was started.
func wait(ctx context.Context, start func(done func(Position, error)) error) (Position, error) {
	type outcome struct {
		at  Position
		err error
	}
	result := make(chan outcome, 1)
	if err := start(func(at Position, err error) { result <- outcome{at, err} }); err != nil {
		return Position{-1, -1}, err
	}
	select {
	case o := <-result:
		return o.at, o.err
	case <-ctx.Done():
		return Position{-1, -1}, context.Cause(ctx)
	}
}

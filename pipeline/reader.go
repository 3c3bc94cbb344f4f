package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/millrace/millrace/internal/transport"
)

// Reader reads a topic or a table outside a topology: alone, all partitions or
// some, or as a member of a group that shares them. It reads committed records
// only, unless told otherwise.
//
//	r, err := pipeline.NewReader(ctx, Orders, cfg, pipeline.FromTime(monday), pipeline.UntilEnd())
//	...
//	defer r.Close()
//	for m, err := range r.Messages(ctx) {
//		...
//	}
//
// Messages of one partition come in their order, those of several in any. A
// reader keeps its place: a loop that was broken off can be followed by another,
// which begins with the message at which the first was broken off. A reader is
// used by one goroutine at a time.
type Reader[V any] struct {
	def     def[V]
	opts    readerOptions
	source  source
	release func() error
	closed  bool
}

// source is where a reader's records come from.
type source interface {
	// next returns records of one partition, in order, which the caller has
	// handled when it calls again, up to the last for which it called handled.
	// It returns none at the end of a bounded reading.
	next(ctx context.Context) ([]*transport.Record, error)
	// handled says that a record need not come again; pending, that it is
	// about to be handled, or false: it and the rest are another reader's now.
	pending(*transport.Record) bool
	handled(*transport.Record)
	// pause ends what goes on in the background; next goes on after the last
	// record that was handled.
	pause()
	commit(ctx context.Context) error
	close() error
}

// ErrReaderClosed is returned by a reader that was closed.
var ErrReaderClosed = errors.New("reader is closed")

// OffsetOutOfRangeError says that a reader cannot go on where it was, or begin
// where it was told to: the log begins later, such as after its retention, or
// ends before.
type OffsetOutOfRangeError = transport.OffsetOutOfRangeError

// NewReader connects a reader. Of the configuration, what concerns the
// connection counts, and CommitInterval. It waits for a broker as a service
// does; the topic must exist. Close it.
func NewReader[V any](ctx context.Context, t Target[V], c Config, opts ...ReaderOption) (*Reader[V], error) {
	o, err := newReaderOptions(t, opts)
	if err := errors.Join(c.Validate(), err); err != nil {
		return nil, err
	}
	cluster, closeCluster, err := c.connect(ctx, c.ClientID, "")
	if err != nil {
		return nil, fmt.Errorf("reader of topic %s: %w", t.Name(), err)
	}
	r, err := newReader(ctx, t.base(), o, c, cluster, closeCluster)
	if err != nil {
		return nil, errors.Join(err, closeCluster())
	}
	return r, nil
}

// ReaderOf returns a reader that uses the connection of a service. It works
// while the service runs; the topic may be any.
func ReaderOf[V any](ctx context.Context, s *Service, t Target[V], opts ...ReaderOption) (*Reader[V], error) {
	o, err := newReaderOptions(t, opts)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	cluster, running := s.cluster, s.producer != nil
	s.mu.Unlock()
	if !running {
		return nil, fmt.Errorf("reader of topic %s: %w", t.Name(), ErrNotRunning)
	}
	return newReader(ctx, t.base(), o, s.cfg, cluster, func() error { return nil })
}

func newReader[V any](ctx context.Context, d def[V], o readerOptions, c Config, cluster transport.Cluster, release func() error) (*Reader[V], error) {
	infos, err := cluster.Describe(ctx, d.name)
	if err != nil {
		return nil, fmt.Errorf("reader of topic %s: %w", d.name, err)
	}
	info, ok := infos[d.name]
	if !ok {
		return nil, fmt.Errorf("reader of topic %s: %w: create it, or start the topology that declares it", d.name, ErrUnknownTopic)
	}
	c = c.WithDefaults()
	log := c.Logger.With(slog.String("topic", d.name))
	r := &Reader[V]{def: d, opts: o, release: release}
	if o.group == "" {
		r.source, err = newAlone(ctx, cluster, info, o)
	} else {
		r.source, err = newShared(ctx, cluster, info, o, c, log)
	}
	if err != nil {
		return nil, fmt.Errorf("reader of topic %s: %w", d.name, err)
	}
	return r, nil
}

// Messages iterates over the messages. An error that is a *MessageError comes
// with its message, without the value, and the loop can go on; any other ends
// it, that of ctx included. With UntilEnd the loop ends at the end.
func (r *Reader[V]) Messages(ctx context.Context) iter.Seq2[Message[V], error] {
	return func(yield func(Message[V], error) bool) {
		if r.closed {
			yield(Message[V]{}, ErrReaderClosed)
			return
		}
		defer r.source.pause()
		for {
			records, err := r.source.next(ctx)
			if err != nil {
				yield(Message[V]{}, r.failed(err))
				return
			}
			if len(records) == 0 {
				return
			}
			for _, rec := range records {
				if ctx.Err() != nil {
					yield(Message[V]{}, context.Cause(ctx))
					return
				}
				if !r.source.pending(rec) {
					break
				}
				if !yield(r.def.message(rec)) {
					return
				}
				r.source.handled(rec)
			}
		}
	}
}

// Each calls f for every message until f or the reader fails, and returns that
// error; nil at the end, with UntilEnd. The message for which f failed comes
// again in the next call. A record that cannot be decoded is f's no concern:
// see OnUndecodable.
func (r *Reader[V]) Each(ctx context.Context, f func(context.Context, Message[V]) error) error {
	for m, err := range r.Messages(ctx) {
		var undecodable *MessageError
		switch {
		case errors.As(err, &undecodable):
			err = r.opts.undecodable(undecodable)
		case err == nil:
			err = f(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Commit commits the group's positions after all messages that the reader has
// delivered, the current one included. It is for ManualCommit, and does nothing
// for a reader alone.
func (r *Reader[V]) Commit(ctx context.Context) error {
	if r.closed {
		return ErrReaderClosed
	}
	if err := r.source.commit(ctx); err != nil {
		return r.failed(err)
	}
	return nil
}

// Close commits what was handled, unless that is left to Commit, leaves the
// group and closes the connection. A further Close does nothing.
func (r *Reader[V]) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if err := errors.Join(r.source.close(), r.release()); err != nil {
		return r.failed(err)
	}
	return nil
}

func (r *Reader[V]) failed(err error) error {
	return fmt.Errorf("read topic %s: %w", r.def.name, err)
}

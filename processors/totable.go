package processors

import (
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// ToTable makes a stream a table: the last value of each key, in the order in
// which the records come. A record without a value deletes its key's entry; one
// without a key fails with pipeline.ErrNoKey. The table has a row for each key.
func ToTable[V any](name string, in pipeline.Topic[V], to pipeline.Table[V], opts ...TableOption) *pipeline.Processor {
	p := pipeline.Process(name)
	state := pipeline.State(p, to)
	var o tableOptions
	for _, opt := range opts {
		opt(&o)
	}
	late := setAside[V](p, o.late, "changes of "+in.Name())
	var times pipeline.KeyValue[int64]
	if o.ordered {
		times = pipeline.Store(p, pipeline.NewTable(name+"-times", codec.Int64()).Internal())
	}
	var expiry Expiry
	if o.ttl != nil {
		drop := func(ctx *pipeline.Context) error {
			state.Delete(ctx)
			if o.ordered {
				times.Delete(ctx, ctx.Key())
			}
			return nil
		}
		if o.clock {
			expiry = ExpireByClock(p, name, *o.ttl, drop)
		} else {
			expiry = Expire(p, name, *o.ttl, drop)
		}
	}
	pipeline.InputOrDeletion(p, in, func(ctx *pipeline.Context, c pipeline.Change[V]) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		if o.ordered {
			at := ctx.Timestamp().UnixMilli()
			if last, ok := times.Get(ctx, ctx.Key()); ok && at < last {
				late.change(ctx, c)
				return nil
			}
			times.Set(ctx, ctx.Key(), at)
		}
		if c.Deleted {
			state.Delete(ctx)
		} else {
			state.Set(ctx, c.Value)
		}
		switch {
		case o.ttl == nil:
		case c.Deleted && !o.ordered:
			expiry.Forget(ctx)
		default:
			expiry.Touch(ctx)
		}
		return nil
	})
	return p
}

// TableOption configures ToTable.
type TableOption func(*tableOptions)

type tableOptions struct {
	ordered bool
	late    pipeline.Ref
	ttl     *time.Duration
	clock   bool
}

// DropOutOfOrder drops records that are older than the newest of their key so
// far, and counts them: see pipeline.Context.Late, and OutOfOrderTo. So the table is the same
// whatever the order in which a key's records come, but for equal times, as a
// versioned table of Kafka Streams is (KIP-914). The times are kept in the table
// name-times, with a row for each key that ever was; with TTL, for as long.
func DropOutOfOrder() TableOption { return func(o *tableOptions) { o.ordered = true } }

// TTL deletes an entry when stream time is d past its last update: see Expire.
func TTL(d time.Duration) TableOption {
	return func(o *tableOptions) { o.ttl, o.clock = &d, false }
}

// TTLByClock deletes an entry when it was not updated for d, by the clock on the
// wall: see ExpireByClock.
func TTLByClock(d time.Duration) TableOption {
	return func(o *tableOptions) { o.ttl, o.clock = &d, true }
}

// ToStream makes a table a stream of its changes: a deletion is a record without a
// value. Changes of one key that follow each other closely may come as one; see
// pipeline.Changes.
func ToStream[V any](name string, table pipeline.Table[V], to pipeline.Topic[V]) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.Output(p, to)
	pipeline.Changes(p, table, func(ctx *pipeline.Context, c pipeline.Change[V]) error {
		switch {
		case !ctx.HasKey():
			return pipeline.ErrNoKey
		case c.Deleted:
			out.Delete(ctx, ctx.Key())
		default:
			out.Emit(ctx, ctx.Key(), c.Value)
		}
		return nil
	})
	return p
}

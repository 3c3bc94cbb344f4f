package processors

import (
	"time"

	"github.com/millrace/millrace/pipeline"
)

// JoinTables joins two tables by their keys: the result has an entry for each key
// that is in both, made by fn, and changes with either. Its time is the greater
// of the two entries' times. Both tables must be co-partitioned, which is checked
// at start; Repartition helps where they are not. A change without a key fails with
// pipeline.ErrNoKey.
//
// A deletion deletes the result if the other table has the key, whether or not
// there was one, as in Kafka Streams. Changes are joined in the order in which
// they come, whatever their times.
//
// The operator keeps a copy of each table, in name-left and name-right, which only
// it reads: a row of the size of the entry and 8 bytes for each key of each table.
func JoinTables[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], to pipeline.Table[To],
	fn func(ctx *pipeline.Context, l L, r R) (To, error)) *pipeline.Processor {
	return joinTables(name, left, right, to, true, true,
		func(ctx *pipeline.Context, l *L, r *R) (To, error) { return fn(ctx, *l, *r) })
}

// LeftJoinTables is JoinTables whose result has an entry for each key of the left
// table: ok is false where the right one has none.
func LeftJoinTables[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], to pipeline.Table[To],
	fn func(ctx *pipeline.Context, l L, r R, ok bool) (To, error)) *pipeline.Processor {
	return joinTables(name, left, right, to, true, false,
		func(ctx *pipeline.Context, l *L, r *R) (To, error) {
			if r == nil {
				var none R
				return fn(ctx, *l, none, false)
			}
			return fn(ctx, *l, *r, true)
		})
}

// OuterJoinTables is JoinTables whose result has an entry for each key of either
// table: fn gets nil for the one that has none.
func OuterJoinTables[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], to pipeline.Table[To],
	fn func(ctx *pipeline.Context, l *L, r *R) (To, error)) *pipeline.Processor {
	return joinTables(name, left, right, to, false, false, fn)
}

func joinTables[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], to pipeline.Table[To],
	needLeft, needRight bool, fn func(ctx *pipeline.Context, l *L, r *R) (To, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.OutputTable(p, to)
	ls := pipeline.Store(p, pipeline.NewTable(name+"-left", timedCodec(left.Codec())).Internal())
	rs := pipeline.Store(p, pipeline.NewTable(name+"-right", timedCodec(right.Codec())).Internal())
	emit := func(ctx *pipeline.Context, l *L, r *R, at int64) error {
		if l == nil && (needLeft || r == nil) || r == nil && needRight {
			out.DeleteAt(ctx, ctx.Key(), time.UnixMilli(at))
			return nil
		}
		o, err := fn(ctx, l, r)
		if err == nil {
			out.EmitAt(ctx, ctx.Key(), o, time.UnixMilli(at))
		}
		return err
	}
	pipeline.Changes(p, left, func(ctx *pipeline.Context, c pipeline.Change[L]) error {
		had, err := follow(ctx, ls, c)
		r, ok := rs.Get(ctx, ctx.Key())
		if err != nil || !ok && (needRight || c.Deleted && !had) {
			return err
		}
		return emit(ctx, changed(c), r.present(ok), max(ctx.Timestamp().UnixMilli(), r.at(ok)))
	})
	pipeline.Changes(p, right, func(ctx *pipeline.Context, c pipeline.Change[R]) error {
		had, err := follow(ctx, rs, c)
		l, ok := ls.Get(ctx, ctx.Key())
		if err != nil || !ok && (needLeft || c.Deleted && !had) {
			return err
		}
		return emit(ctx, l.present(ok), changed(c), max(ctx.Timestamp().UnixMilli(), l.at(ok)))
	})
	return p
}

// follow keeps a change in the copy of its table, and says whether there was an
// entry before.
func follow[V any](ctx *pipeline.Context, rows pipeline.KeyValue[timed[V]], c pipeline.Change[V]) (had bool, err error) {
	if !ctx.HasKey() {
		return false, pipeline.ErrNoKey
	}
	_, had = rows.Get(ctx, ctx.Key())
	if c.Deleted {
		rows.Delete(ctx, ctx.Key())
	} else {
		rows.Set(ctx, ctx.Key(), timed[V]{ctx.Timestamp().UnixMilli(), c.Value})
	}
	return had, ctx.Err()
}

// changed returns the new value, nil after a deletion.
func changed[V any](c pipeline.Change[V]) *V {
	if c.Deleted {
		return nil
	}
	return &c.Value
}

package processors

import "github.com/millrace/millrace/pipeline"

// JoinGlobal combines each record with the value that a table has at a key of the
// record's own, which key returns: ok is false where there is none. Records
// without a value in the table are dropped. Every instance holds the whole table,
// so that the two need not be co-partitioned; see pipeline.Lookup. The table is as
// new as what was read of it.
func JoinGlobal[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T],
	key func(ctx *pipeline.Context, v V) (key string, ok bool), to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T) (To, error)) *pipeline.Processor {
	return joinGlobal(name, in, table, key, to, false,
		func(ctx *pipeline.Context, v V, t T, _ bool) (To, error) { return fn(ctx, v, t) })
}

// LeftJoinGlobal is JoinGlobal that keeps records without a key or a value in the
// table: ok is false for them.
func LeftJoinGlobal[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T],
	key func(ctx *pipeline.Context, v V) (key string, ok bool), to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T, ok bool) (To, error)) *pipeline.Processor {
	return joinGlobal(name, in, table, key, to, true, fn)
}

func joinGlobal[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T],
	key func(ctx *pipeline.Context, v V) (key string, ok bool), to pipeline.Topic[To], keep bool,
	fn func(ctx *pipeline.Context, v V, t T, ok bool) (To, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	if key == nil {
		p.Invalid("no function for the table's key")
	}
	global := pipeline.Lookup(p, table)
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		var t T
		k, ok := key(ctx, v)
		if ok {
			if t, ok = global.Get(ctx, k); ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if !ok && !keep {
			return nil
		}
		o, err := fn(ctx, v, t, ok)
		if err == nil {
			emit(ctx, out, o)
		}
		return err
	})
	return p
}

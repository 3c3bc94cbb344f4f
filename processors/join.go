package processors

import "github.com/millrace/millrace/pipeline"

// Join combines each record with the table's value at its key; records without
// one are dropped. The table must have as many partitions as the topic. It is
// as new as what was read of it: see pipeline.WaitForTable.
func Join[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T) (To, error), opts ...pipeline.JoinOption) *pipeline.Processor {
	return join(name, in, table, to, func(ctx *pipeline.Context, v V, t T, ok bool) (To, bool, error) {
		if !ok {
			var none To
			return none, false, nil
		}
		o, err := fn(ctx, v, t)
		return o, true, err
	}, opts)
}

// LeftJoin is Join that keeps records without a value in the table: ok is
// false for them.
func LeftJoin[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T, ok bool) (To, error), opts ...pipeline.JoinOption) *pipeline.Processor {
	return join(name, in, table, to, func(ctx *pipeline.Context, v V, t T, ok bool) (To, bool, error) {
		o, err := fn(ctx, v, t, ok)
		return o, true, err
	}, opts)
}

func join[V, T, To any](name string, in pipeline.Topic[V], table pipeline.Table[T], to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v V, t T, ok bool) (o To, keep bool, err error), opts []pipeline.JoinOption) *pipeline.Processor {
	p := pipeline.Process(name)
	joined := pipeline.Join(p, table, opts...)
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		t, ok := joined.Get(ctx)
		if err := ctx.Err(); err != nil { // the table could not be read
			return err
		}
		o, keep, err := fn(ctx, v, t, ok)
		if keep && err == nil {
			out.Emit(ctx, ctx.Key(), o)
		}
		return err
	})
	return p
}

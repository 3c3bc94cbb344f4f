package processors

import "github.com/millrace/millrace/pipeline"

// Map turns each value into another, under the same key.
func Map[In, To any](name string, in pipeline.Topic[In], to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v In) (To, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v In) error {
		o, err := fn(ctx, v)
		if err != nil {
			return err
		}
		emit(ctx, out, o)
		return nil
	})
	return p
}

// emit passes a value on under the record's key, or without one as it came.
func emit[V any](ctx *pipeline.Context, out pipeline.Out[V], v V) {
	if ctx.HasKey() {
		out.Emit(ctx, ctx.Key(), v)
	} else {
		out.EmitUnkeyed(ctx, v)
	}
}

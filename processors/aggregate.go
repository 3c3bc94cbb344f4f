package processors

import (
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/processors/aggregate"
)

// Aggregate folds the values of each key into a table: fn gets the aggregate
// so far, the zero value at first, and returns the next. It must not change
// the aggregate that it gets in place, unless the table has a Clone function.
func Aggregate[V, S any](name string, in pipeline.Topic[V], table pipeline.Table[S],
	fn func(ctx *pipeline.Context, so S, v V) (S, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	state := pipeline.State(p, table)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		so, _ := state.Get(ctx)
		next, err := fn(ctx, so, v)
		if err != nil {
			return err
		}
		state.Set(ctx, next)
		return nil
	})
	return p
}

// AggregateBy is Aggregate with an aggregation of package aggregate. The table's
// codec may be the aggregation's.
func AggregateBy[V, A any](name string, in pipeline.Topic[V], agg aggregate.Func[V, A], table pipeline.Table[A]) *pipeline.Processor {
	p := pipeline.Process(name)
	for _, what := range agg.Problems() {
		p.Invalid("%s", what)
	}
	state := pipeline.State(p, table)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		a, ok := state.Get(ctx)
		var err error
		if ok {
			a, err = agg.Add(ctx, a, v)
		} else {
			a, err = agg.First(ctx, v)
		}
		if err != nil {
			return err
		}
		state.Set(ctx, a)
		return nil
	})
	return p
}

// Count counts the records of each key.
func Count[V any](name string, in pipeline.Topic[V], counts pipeline.Table[int64]) *pipeline.Processor {
	return Aggregate(name, in, counts, func(_ *pipeline.Context, n int64, _ V) (int64, error) { return n + 1, nil })
}

// Reduce combines the values of each key into one. The first value is kept as
// it is.
func Reduce[V any](name string, in pipeline.Topic[V], table pipeline.Table[V],
	fn func(ctx *pipeline.Context, a, b V) (V, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	state := pipeline.State(p, table)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		if so, ok := state.Get(ctx); ok {
			var err error
			if v, err = fn(ctx, so, v); err != nil {
				return err
			}
		}
		state.Set(ctx, v)
		return nil
	})
	return p
}

package processors

import "github.com/millrace/millrace/pipeline"

// FlatMap turns each value into any number of records, under any keys, by
// calls of emit. A new key may lead to another partition: so FlatMap also
// repartitions.
func FlatMap[In, To any](name string, in pipeline.Topic[In], to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, v In, emit func(key string, v To)) error) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v In) error {
		return fn(ctx, v, func(key string, v To) { out.Emit(ctx, key, v) })
	})
	return p
}

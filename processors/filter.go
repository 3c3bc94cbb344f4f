package processors

import "github.com/millrace/millrace/pipeline"

// Filter passes on the records for which keep returns true.
func Filter[V any](name string, in, to pipeline.Topic[V], keep func(ctx *pipeline.Context, v V) (bool, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		ok, err := keep(ctx, v)
		if ok && err == nil {
			emit(ctx, out, v)
		}
		return err
	})
	return p
}

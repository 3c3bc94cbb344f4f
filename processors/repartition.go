package processors

import "github.com/millrace/millrace/pipeline"

// Repartition passes the records on under another key, and so to the partition of
// that key: for a join whose other side has it, or an aggregation by it. The topic
// to gets the number of partitions of what it is joined with, unless it exists or
// is declared with another. Records keep their order where they have one key before
// and after, and their times.
func Repartition[V any](name string, in, to pipeline.Topic[V], key func(ctx *pipeline.Context, v V) (string, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	if key == nil {
		p.Invalid("no function for the new key")
	}
	out := pipeline.Output(p, to)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		k, err := key(ctx, v)
		if err == nil {
			out.Emit(ctx, k, v)
		}
		return err
	})
	return p
}

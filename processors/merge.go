package processors

import "github.com/millrace/millrace/pipeline"

// Merge passes the records of several topics on to one. The topics need the
// same number of partitions. Records of one partition number are merged by
// their times, as far as they are there at the same time; each topic's own
// order is kept.
func Merge[V any](name string, to pipeline.Topic[V], ins ...pipeline.Topic[V]) *pipeline.Processor {
	p := pipeline.Process(name)
	out := pipeline.Output(p, to)
	for _, in := range ins {
		pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
			emit(ctx, out, v)
			return nil
		})
	}
	return p
}

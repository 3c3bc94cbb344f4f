package processors

import "github.com/millrace/millrace/pipeline"

// Case is a branch: the topic for the records for which When returns true. A
// nil When takes all.
type Case[V any] struct {
	When func(ctx *pipeline.Context, v V) (bool, error)
	To   pipeline.Topic[V]
}

// Branch sends each record to the topic of the first case that takes it. What
// no case takes is dropped: end with a case without When to catch the rest.
func Branch[V any](name string, in pipeline.Topic[V], cases ...Case[V]) *pipeline.Processor {
	p := pipeline.Process(name)
	outs := make([]pipeline.Out[V], len(cases))
	for i, c := range cases {
		outs[i] = pipeline.Output(p, c.To)
	}
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		for i, c := range cases {
			ok := c.When == nil
			if !ok {
				var err error
				if ok, err = c.When(ctx, v); err != nil {
					return err
				}
			}
			if ok {
				emit(ctx, outs[i], v)
				return nil
			}
		}
		return nil
	})
	return p
}

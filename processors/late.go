package processors

import "github.com/millrace/millrace/pipeline"

// OutOfOrderTo is DropOutOfOrder that sends what it drops to a topic of the same
// type, with its key and time; a deletion is a record without a value there.
func OutOfOrderTo[V any](to pipeline.Topic[V]) TableOption {
	return func(o *tableOptions) { o.ordered, o.late = true, to }
}

// LateChangesTo sends the changes of the table that are older than the history to a
// topic of the same type, with their keys and times; a deletion is a record without
// a value there. Without it they are dropped; in any case they are counted: see
// pipeline.Context.Late.
func LateChangesTo[T any](to pipeline.Topic[T]) VersionedOption {
	return func(o *versionedOptions) { o.late = to }
}

// aside is where goes what comes too late: nowhere, if out is nil.
type aside[V any] struct {
	out *pipeline.Out[V]
}

// setAside declares the topic for what comes too late, which may be nil.
func setAside[V any](p *pipeline.Processor, to pipeline.Ref, what string) (a aside[V]) {
	switch t := to.(type) {
	case nil:
	case pipeline.Topic[V]:
		out := pipeline.Output(p, t)
		a.out = &out
	default:
		p.Invalid("topic %s for late %s has values of another type", to.Name(), what)
	}
	return a
}

// record sets aside a record with a value.
func (a aside[V]) record(ctx *pipeline.Context, v V) { a.change(ctx, pipeline.Change[V]{Value: v}) }

// change sets aside a change of a table.
func (a aside[V]) change(ctx *pipeline.Context, c pipeline.Change[V]) {
	ctx.Late()
	switch {
	case a.out == nil:
	case c.Deleted:
		a.out.Delete(ctx, ctx.Key())
	default:
		a.out.Emit(ctx, ctx.Key(), c.Value)
	}
}

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

// lateChanges sets aside what comes too late for a table.
type lateChanges[V any] struct {
	out *pipeline.Out[V]
}

// newLateChanges declares where late changes of what has a name go: nowhere, if to
// is nil.
func newLateChanges[V any](p *pipeline.Processor, to pipeline.Ref, name string) (l lateChanges[V]) {
	switch t := to.(type) {
	case nil:
	case pipeline.Topic[V]:
		out := pipeline.Output(p, t)
		l.out = &out
	default:
		p.Invalid("topic %s for late changes of %s has values of another type", to.Name(), name)
	}
	return l
}

func (l lateChanges[V]) add(ctx *pipeline.Context, c pipeline.Change[V]) {
	ctx.Late()
	switch {
	case l.out == nil:
	case c.Deleted:
		l.out.Delete(ctx, ctx.Key())
	default:
		l.out.Emit(ctx, ctx.Key(), c.Value)
	}
}

package pipeline

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/graph"
)

// Processor is one step of a topology: named, with handlers for its inputs
// around its tables. It runs as one consumer group, named after the topology
// and the processor, and scales with the partitions of its inputs, which must
// be co-partitioned.
//
// Declare it with the package's functions, each of which returns the handle
// that a handler uses.
type Processor struct {
	spec      graph.Processor
	problems  []*Problem
	refs      []definition // in the order of declaration
	timers    []*timerSet  // in the order of declaration
	overtakes bool         // an input has an order of its own
	idle      time.Duration
	codecs    []codecUse // of what is not among refs: the loop, the values of timers
	policy    ErrorPolicy
	policySet bool
}

// Process declares a processor. Names are 1 to 100 of a-z, A-Z, 0-9, dot,
// underscore and hyphen.
func Process(name string) *Processor {
	p := &Processor{spec: graph.Processor{Name: name}, policy: Stop()}
	p.spec.Failed = p.failed
	return p
}

// Name returns the processor's name.
func (p *Processor) Name() string { return p.spec.Name }

func (p *Processor) bad(kind error, format string, args ...any) {
	p.problems = append(p.problems, &Problem{Kind: kind, Where: "processor " + p.spec.Name, What: fmt.Sprintf(format, args...)})
}

func (p *Processor) uses(r Ref) definition {
	d := r.definition()
	p.refs = append(p.refs, d)
	return d
}

// Input calls fn for each record of the topic. A record without a value fails
// with ErrTombstone.
func Input[V any](p *Processor, t Topic[V], fn func(*Context, V) error) {
	if fn == nil {
		p.bad(ErrIncomplete, "input %s has no handler", t.name)
	}
	d := p.uses(t)
	p.spec.Inputs = append(p.spec.Inputs, graph.Input{Ref: d.Ref, Handle: inputHandler(p, t.def, fn)})
}

// InputOrDeletion is Input that also takes records without a value, as deletions.
func InputOrDeletion[V any](p *Processor, t Topic[V], fn func(*Context, Change[V]) error) {
	if fn == nil {
		p.bad(ErrIncomplete, "input %s has no handler", t.name)
	}
	d := p.uses(t)
	valued := inputHandler(p, t.def, func(ctx *Context, v V) error { return fn(ctx, Change[V]{Value: v}) })
	deleted := handler(p, func(ctx *Context) error {
		if err := ctx.hear(); err != nil {
			return err
		}
		return fn(ctx, Change[V]{Deleted: true})
	})
	p.spec.Inputs = append(p.spec.Inputs, graph.Input{Ref: d.Ref, Handle: func(t *graph.Task, r *graph.Record) error {
		if r.Value == nil {
			return deleted(t, r)
		}
		return valued(t, r)
	}})
}

func inputHandler[V any](p *Processor, d def[V], fn func(*Context, V) error) graph.Handler {
	return handler(p, func(ctx *Context) error {
		ctx.stage = atDecode
		v, err := d.value(ctx.rec)
		if err != nil {
			return err
		}
		if err := d.arrives(ctx, v); err != nil {
			return err
		}
		ctx.stage = atHandle
		return fn(ctx, v)
	})
}

// value decodes what a record of a stream holds.
func (d def[V]) value(r *graph.Record) (v V, err error) {
	if r.Value == nil {
		return v, ErrTombstone
	}
	return d.codec.Decode(r.Value)
}

// arrives sets the event time and moves stream time.
func (d def[V]) arrives(ctx *Context, v V) (err error) {
	if d.timed != nil {
		if ctx.at, err = d.timed(v); err != nil {
			return fmt.Errorf("event time: %w", err)
		}
	}
	return ctx.hear()
}

// Change is a new value of a key of a table, or its deletion.
type Change[V any] struct {
	Value   V // the zero value if Deleted
	Deleted bool
}

// Changes calls fn for each change of a table: the table as a stream. Changes
// of one key that follow each other closely may come as one, the last.
func Changes[V any](p *Processor, t Table[V], fn func(*Context, Change[V]) error) {
	if fn == nil {
		p.bad(ErrIncomplete, "input %s has no handler", t.name)
	}
	d := p.uses(t)
	p.spec.Inputs = append(p.spec.Inputs, graph.Input{Ref: d.Ref, Changes: true, Handle: handler(p, func(ctx *Context) error {
		if err := ctx.hear(); err != nil {
			return err
		}
		if ctx.rec.Value == nil {
			return fn(ctx, Change[V]{Deleted: true})
		}
		ctx.stage = atDecode
		v, err := t.codec.Decode(ctx.rec.Value)
		if err != nil {
			return err
		}
		ctx.stage = atHandle
		return fn(ctx, Change[V]{Value: v})
	})})
}

// Looped sends records to the processor itself, under another key: to the
// partition where that key's state is.
type Looped[V any] struct {
	Out[V]
	p *Processor
}

// Loop declares a processor's loop; there is at most one. Its topic is named
// after the topology and the processor. Handle sets its handler.
func Loop[V any](p *Processor, c interface {
	Name() string
	Append(dst []byte, v V) ([]byte, error)
	Decode(b []byte) (V, error)
}) Looped[V] {
	d := newDef(p.spec.Name+" loop", c, nil)
	if p.spec.Loop != nil {
		p.bad(ErrDuplicate, "two loops: a processor has one")
	}
	p.encodes("processor "+p.spec.Name+", loop", checker(d.codec))
	p.spec.Loop = &graph.Input{Ref: d.ref(graph.Stream)}
	return Looped[V]{Out: Out[V]{p: p, def: d, loop: true}, p: p}
}

// Handle sets the handler of the records that the loop brings back. It may
// send again.
func (l Looped[V]) Handle(fn func(*Context, V) error) {
	if fn == nil {
		l.p.bad(ErrIncomplete, "loop has no handler")
	}
	l.p.spec.Loop.Handle = inputHandler(l.p, l.def, fn)
}

package pipeline

import (
	"iter"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

// Cell is the processor's state at the key of the record at hand.
type Cell[S any] struct{ s KeyValue[S] }

// State declares the table that holds a processor's state, by the key of the
// records; there is at most one. Further tables are declared with Store.
func State[S any](p *Processor, t Table[S]) Cell[S] {
	for _, s := range p.spec.States {
		if s.Primary {
			p.bad(ErrDuplicate, "two states, %s and %s: a processor has one; declare further tables with Store", s.Ref.Name, t.name)
		}
	}
	kv := Store(p, t)
	p.spec.States[kv.i].Primary = true
	return Cell[S]{kv}
}

// Get returns the state; ok is false where there is none. A record without a
// key fails with ErrNoKey, here as in Set and Delete.
func (c Cell[S]) Get(ctx *Context) (s S, ok bool) {
	if !ctx.keyed() {
		return s, false
	}
	return c.s.get(ctx, ctx.rec.Key)
}

// Set sets the state.
func (c Cell[S]) Set(ctx *Context, s S) {
	if ctx.keyed() {
		c.s.set(ctx, ctx.rec.Key, s)
	}
}

// Delete deletes the state.
func (c Cell[S]) Delete(ctx *Context) {
	if ctx.keyed() {
		c.s.delete(ctx, ctx.rec.Key)
	}
}

// KeyValue is a table that the processor owns, at any key. Each partition of
// the processor has a part of it and sees no other: what a record of one
// partition wrote is found by records of the same partition only. Outside, in
// views and lookups, a key is looked for in the partition that its hash says;
// use keys whose partition is the record's own if others shall find them.
type KeyValue[V any] struct {
	p *Processor
	i int // in the processor's states
}

// Store declares a table that the processor owns and accesses at any key: an
// index, entries of windows, a second state.
func Store[V any](p *Processor, t Table[V]) KeyValue[V] {
	d := p.uses(t)
	p.spec.States = append(p.spec.States, graph.State{Ref: d.Ref, Open: func(o table.Options) table.State {
		return table.New(o, t.codec, t.clone)
	}})
	return KeyValue[V]{p, len(p.spec.States) - 1}
}

func (s KeyValue[V]) table(ctx *Context) *table.Table[V] {
	return ctx.task.States[s.i].(*table.Table[V])
}

// Get returns the value at key; ok is false where there is none.
func (s KeyValue[V]) Get(ctx *Context, key string) (v V, ok bool) { return s.get(ctx, raw(key)) }

// Set sets the value at key.
func (s KeyValue[V]) Set(ctx *Context, key string, v V) { s.set(ctx, raw(key), v) }

// Delete deletes the value at key.
func (s KeyValue[V]) Delete(ctx *Context, key string) { s.delete(ctx, raw(key)) }

func (s KeyValue[V]) get(ctx *Context, key []byte) (v V, ok bool) {
	if !ctx.on(s.p) {
		return v, false
	}
	stage := ctx.stage
	ctx.stage = atRead // where a panic of the codec would be
	v, ok, err := s.table(ctx).Get(key)
	ctx.stage = stage
	if err != nil {
		ctx.fail(atRead, err)
	}
	return v, ok
}

func (s KeyValue[V]) set(ctx *Context, key []byte, v V) {
	if ctx.on(s.p) {
		if err := s.table(ctx).Set(key, v); err != nil {
			ctx.fail(atRead, err)
		}
	}
}

func (s KeyValue[V]) delete(ctx *Context, key []byte) {
	if ctx.on(s.p) {
		if err := s.table(ctx).Delete(key); err != nil {
			ctx.fail(atRead, err)
		}
	}
}

// Range iterates over the entries of this partition with from <= key < to, in
// byte order. An empty bound is open. The table may be changed meanwhile.
func (s KeyValue[V]) Range(ctx *Context, from, to string) iter.Seq2[string, V] {
	var end []byte
	if to != "" {
		end = raw(to)
	}
	return s.iterate(ctx, raw(from), end)
}

// Prefix iterates over the entries of this partition whose keys begin with
// prefix, in byte order.
func (s KeyValue[V]) Prefix(ctx *Context, prefix string) iter.Seq2[string, V] {
	return s.iterate(ctx, raw(prefix), storage.PrefixEnd(raw(prefix)))
}

func (s KeyValue[V]) iterate(ctx *Context, from, to []byte) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if !ctx.on(s.p) {
			return
		}
		err := s.table(ctx).Range(from, to, func(key []byte, v V) bool { return yield(string(key), v) })
		if err != nil {
			ctx.fail(atRead, err)
		}
	}
}

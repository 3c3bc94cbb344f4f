package pipeline

import (
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

func openReplica[V any](d def[V]) func(string, storage.Reader) table.Mirror {
	return func(name string, s storage.Reader) table.Mirror {
		return table.NewReplica(name, s, d.codec, d.clone)
	}
}

// Joined reads a co-partitioned table.
type Joined[V any] struct {
	p *Processor
	i int // in the processor's joins
}

// JoinOption configures a join.
type JoinOption func(*graph.Lookup)

// WaitForTable lets a record wait, up to d, until the table has seen a change
// as new as the record. A table that another processor of the topology writes
// lags by its commit interval: without a wait, a record that comes right after
// the change that it should meet may miss it. While a record waits, its
// partition does.
func WaitForTable(d time.Duration) JoinOption {
	return func(l *graph.Lookup) { l.Wait = graph.Wait(d) }
}

// Join declares a table of others that the processor reads at the key of the
// record at hand. The table must have as many partitions as the inputs, by the
// same keys, which is checked at start. It is as new as what was read of its
// topic: see WaitForTable.
func Join[V any](p *Processor, t Table[V], opts ...JoinOption) Joined[V] {
	d := p.uses(t)
	l := d.lookup
	for _, o := range opts {
		o(&l)
	}
	p.spec.Joins = append(p.spec.Joins, l)
	return Joined[V]{p, len(p.spec.Joins) - 1}
}

// Get returns the table's value at the record's key.
func (j Joined[V]) Get(ctx *Context) (v V, ok bool) {
	if !ctx.on(j.p) || !ctx.keyed() {
		return v, false
	}
	if err := ctx.task.Await(j.i, ctx.rec.Timestamp); err != nil {
		ctx.fail(atRead, err)
		return v, false
	}
	v, ok, err := ctx.task.Joins[j.i].(*table.Replica[V]).Get(ctx.rec.Key)
	if err != nil {
		ctx.fail(atRead, err)
	}
	return v, ok
}

// Global reads a whole table.
type Global[V any] struct {
	p *Processor
	i int // in the processor's lookups
}

// Lookup declares a table of others that the processor reads at any key. Every
// instance of the processor holds all of it. A table that others write must be
// declared with their partitioner: see PartitionedBy.
func Lookup[V any](p *Processor, t Table[V]) Global[V] {
	d := p.uses(t)
	p.spec.Lookups = append(p.spec.Lookups, d.lookup)
	return Global[V]{p, len(p.spec.Lookups) - 1}
}

// Get returns the table's value at key.
func (g Global[V]) Get(ctx *Context, key string) (v V, ok bool) {
	if !ctx.on(g.p) {
		return v, false
	}
	t := ctx.task.Lookups[g.i]
	v, ok, err := t.Partitions[t.Of(raw(key))].(*table.Replica[V]).Get(raw(key))
	if err != nil {
		ctx.fail(atRead, err)
	}
	return v, ok
}

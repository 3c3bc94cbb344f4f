package processors

import (
	"encoding/binary"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// AggregateTable aggregates the entries of a table by group: group returns the key
// of an entry's group and what the group is to have of it; ok is false for an entry
// that is in none. When an entry changes, what it gave is taken away by subtract and
// what it gives now is added by add, which get the zero value as the aggregate of a
// group that is not there. So the result is about the table as it is, where
// Aggregate is about all that ever came. It is Kafka Streams' KTable.groupBy with
// aggregate, count or reduce.
//
//	table ──▶ name ──name-groups──▶ name-aggregate ──▶ to
//
// It is made of two processors, to be added to the topology: an entry and its
// group may be in different partitions. An entry that goes from one group to
// another changes the old group first. A change within a group is one step.
//
// State: name-table is a copy of what the entries gave to their groups, a row for
// each entry that is in one. The result has a row for each group that ever was:
// one whose entries are gone has what subtract left.
func AggregateTable[V, G, A any](name string, table pipeline.Table[V], c codec.Codec[G], group func(key string, v V) (to string, g G, ok bool),
	to pipeline.Table[A], add, subtract func(ctx *pipeline.Context, so A, g G) (A, error)) []*pipeline.Processor {
	groups := pipeline.NewTopic(name+"-groups", regroupedCodec(c), pipeline.PartitionedBy(to.Partitioner())).Internal()
	return []*pipeline.Processor{regroup(name, table, c, group, groups), aggregateGroups(name+"-aggregate", groups, to, add, subtract)}
}

// regrouped is what an entry gave to a group, and what it gives now.
type regrouped[G any] struct {
	old, now *G
}

// regroup follows the table and tells the groups.
func regroup[V, G any](name string, table pipeline.Table[V], c codec.Codec[G], group func(key string, v V) (string, G, bool),
	groups pipeline.Topic[regrouped[G]]) *pipeline.Processor {
	p := pipeline.Process(name)
	if group == nil {
		p.Invalid("no function for the group")
	}
	given := pipeline.Store(p, pipeline.NewTable(name+"-table", envelope(c)).Internal())
	out := pipeline.Output(p, groups)
	pipeline.Changes(p, table, func(ctx *pipeline.Context, change pipeline.Change[V]) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		key := ctx.Key()
		old, had := given.Get(ctx, key)
		var to string
		var g G
		ok := false
		if !change.Deleted {
			to, g, ok = group(key, change.Value)
		}
		switch {
		case had && ok && old.key == to:
			out.Emit(ctx, to, regrouped[G]{&old.value, &g})
		default:
			if had {
				out.Emit(ctx, old.key, regrouped[G]{old: &old.value})
			}
			if ok {
				out.Emit(ctx, to, regrouped[G]{now: &g})
			}
		}
		if ok {
			given.Set(ctx, key, enveloped[G]{key: to, keyed: true, value: g})
		} else {
			given.Delete(ctx, key)
		}
		return nil
	})
	return p
}

// aggregateGroups keeps the groups' aggregates.
func aggregateGroups[G, A any](name string, groups pipeline.Topic[regrouped[G]], to pipeline.Table[A],
	add, subtract func(ctx *pipeline.Context, so A, g G) (A, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	if add == nil || subtract == nil {
		p.Invalid("no function that adds or none that subtracts")
	}
	state := pipeline.State(p, to)
	pipeline.Input(p, groups, func(ctx *pipeline.Context, r regrouped[G]) (err error) {
		so, _ := state.Get(ctx)
		if r.old != nil {
			if so, err = subtract(ctx, so, *r.old); err != nil {
				return err
			}
		}
		if r.now != nil {
			if so, err = add(ctx, so, *r.now); err != nil {
				return err
			}
		}
		state.Set(ctx, so)
		return nil
	})
	return p
}

// regroupedCodec encodes what there is, 1 for the old, 2 for the new, or both; then
// the old one with its length before it, as four bytes; then the new one.
func regroupedCodec[G any](c codec.Codec[G]) codec.Codec[regrouped[G]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("regrouped "+c.Name(), func(dst []byte, r regrouped[G]) (_ []byte, err error) {
		dst = append(dst, flag(r.old != nil)|flag(r.now != nil)<<1)
		if r.old != nil {
			n := len(dst)
			if dst, err = c.Append(append(dst, 0, 0, 0, 0), *r.old); err != nil {
				return dst, err
			}
			binary.BigEndian.PutUint32(dst[n:], uint32(len(dst)-n-4))
		}
		if r.now != nil {
			return c.Append(dst, *r.now)
		}
		return dst, nil
	}, func(b []byte) (r regrouped[G], err error) {
		if len(b) == 0 || b[0] < 1 || b[0] > 3 {
			return r, errRow
		}
		what, b := b[0], b[1:]
		if what&1 != 0 {
			if len(b) < 4 {
				return r, errRow
			}
			n := uint64(binary.BigEndian.Uint32(b))
			if b = b[4:]; n > uint64(len(b)) {
				return r, errRow
			}
			v, err := c.Decode(b[:n])
			if err != nil {
				return r, err
			}
			r.old, b = &v, b[n:]
		}
		if what&2 == 0 {
			if len(b) > 0 {
				return r, errRow
			}
			return r, nil
		}
		v, err := c.Decode(b)
		if err == nil {
			r.now = &v
		}
		return r, err
	})
}

package processors

import (
	"crypto/sha256"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// JoinForeign joins each entry of the left table with the entry of the right one
// whose key foreign returns: ok is false for an entry that has none. The result
// is a table by the left table's keys, which changes with either table. It is
// made of two processors, name and name-foreign, to be added to the topology; the
// tables need not be co-partitioned. The idea is that of Kafka Streams' foreign-key
// join (KIP-213).
//
//	left ──▶ name ──name-subscriptions──▶ name-foreign ◀── right
//	          │  ◀────name-answers────────────┘
//	          ▼
//	         to
//
// The first processor subscribes each entry at the right table's key, through the
// topic name-subscriptions, and the second answers, through name-answers, now and
// at each change of the right entry. An answer carries a hash of the left value
// that it is for: one for a value that is not there any more is dropped.
//
// State: the tables name-left and name-right are copies of both, and
// name-subscribers has a row for each left entry that has a foreign key, with both
// keys and 16 bytes. A change of a right entry is answered to all its subscribers
// in one step: what one handler emits then is as large as they are many.
func JoinForeign[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], foreign func(key string, l L) (string, bool),
	to pipeline.Table[To], fn func(ctx *pipeline.Context, l L, r R) (To, error)) []*pipeline.Processor {
	return joinForeign(name, left, right, foreign, to, false,
		func(ctx *pipeline.Context, l L, r R, _ bool) (To, error) { return fn(ctx, l, r) })
}

// LeftJoinForeign is JoinForeign whose result has an entry for each of the left
// table: ok is false where there is no foreign key or no right entry.
func LeftJoinForeign[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], foreign func(key string, l L) (string, bool),
	to pipeline.Table[To], fn func(ctx *pipeline.Context, l L, r R, ok bool) (To, error)) []*pipeline.Processor {
	return joinForeign(name, left, right, foreign, to, true, fn)
}

func joinForeign[L, R, To any](name string, left pipeline.Table[L], right pipeline.Table[R], foreign func(key string, l L) (string, bool),
	to pipeline.Table[To], keep bool, fn func(ctx *pipeline.Context, l L, r R, ok bool) (To, error)) []*pipeline.Processor {
	subscriptions := pipeline.NewTopic(name+"-subscriptions", subscriptionCodec(), pipeline.PartitionedBy(right.Partitioner())).Internal()
	answers := pipeline.NewTopic(name+"-answers", answerCodec(right.Codec()), pipeline.PartitionedBy(left.Partitioner())).Internal()
	return []*pipeline.Processor{
		foreignLeft(name, left, foreign, subscriptions, answers, to, keep, fn),
		foreignRight(name, right, subscriptions, answers),
	}
}

// foreignLeft follows the left table: it subscribes and joins what is answered.
func foreignLeft[L, R, To any](name string, left pipeline.Table[L], foreign func(key string, l L) (string, bool),
	subscriptions pipeline.Topic[subscription], answers pipeline.Topic[answer[R]], to pipeline.Table[To], keep bool,
	fn func(ctx *pipeline.Context, l L, r R, ok bool) (To, error)) *pipeline.Processor {
	p := pipeline.Process(name)
	if foreign == nil {
		p.Invalid("no function for the foreign key")
	}
	rows := pipeline.Store(p, pipeline.NewTable(name+"-left", hashedCodec(left.Codec())).Internal())
	subscribe := pipeline.Output(p, subscriptions)
	out := pipeline.OutputTable(p, to)
	emit := func(ctx *pipeline.Context, l L, r R, ok bool) error {
		o, err := fn(ctx, l, r, ok)
		if err == nil {
			out.Emit(ctx, ctx.Key(), o)
		}
		return err
	}
	pipeline.Changes(p, left, func(ctx *pipeline.Context, c pipeline.Change[L]) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		key := ctx.Key()
		old, had := rows.Get(ctx, key)
		if err := ctx.Err(); err != nil || c.Deleted && !had {
			return err
		}
		var from, goal string // the foreign keys, old and new
		var wasAny, isAny bool
		if had {
			from, wasAny = foreign(key, old.value)
		}
		s := subscription{key: key}
		if c.Deleted {
			rows.Delete(ctx, key)
		} else {
			goal, isAny = foreign(key, c.Value)
			b, err := left.Codec().Append(nil, c.Value)
			if err != nil {
				return err
			}
			h := sha256.Sum256(b)
			copy(s.hash[:], h[:])
			rows.Set(ctx, key, hashed[L]{s.hash, old.shown && isAny, c.Value})
		}
		send := func(to string, what instruction) {
			s.what = what
			subscribe.Emit(ctx, to, s)
		}
		moved := wasAny && (!isAny || from != goal)
		if moved {
			send(from, unsubscribe)
		}
		switch {
		case isAny && (keep || moved || old.shown): // there may be a result to be deleted
			send(goal, answerAlways)
		case isAny:
			send(goal, answerIfThere)
		case keep && !c.Deleted:
			var none R
			return emit(ctx, c.Value, none, false)
		case keep || wasAny:
			out.Delete(ctx, key)
		}
		return nil
	})
	pipeline.Input(p, answers, func(ctx *pipeline.Context, a answer[R]) error {
		row, ok := rows.Get(ctx, ctx.Key())
		if !ok || row.hash != a.hash {
			return ctx.Err() // an answer to what is not there any more
		}
		if !keep && row.shown != a.there {
			row.shown = a.there
			rows.Set(ctx, ctx.Key(), row)
		}
		if !a.there && !keep {
			out.Delete(ctx, ctx.Key())
			return nil
		}
		return emit(ctx, row.value, a.value, a.there)
	})
	return p
}

// foreignRight follows the right table and its subscribers.
func foreignRight[R any](name string, right pipeline.Table[R], subscriptions pipeline.Topic[subscription], answers pipeline.Topic[answer[R]]) *pipeline.Processor {
	p := pipeline.Process(name + "-foreign")
	rows := pipeline.Store(p, pipeline.NewTable(name+"-right", timedCodec(right.Codec())).Internal())
	subscribers := pipeline.Store(p, pipeline.NewTable(name+"-subscribers", hashCodec()).Internal())
	reply := pipeline.Output(p, answers)
	pipeline.Changes(p, right, func(ctx *pipeline.Context, c pipeline.Change[R]) error {
		if _, err := follow(ctx, rows, c); err != nil {
			return err
		}
		prefix := joinPrefix(ctx.Key())
		for row, h := range subscribers.Prefix(ctx, prefix) {
			reply.Emit(ctx, row[len(prefix):], answer[R]{h, !c.Deleted, c.Value})
		}
		return nil
	})
	pipeline.Input(p, subscriptions, func(ctx *pipeline.Context, s subscription) error {
		row := joinPrefix(ctx.Key()) + s.key
		if s.what == unsubscribe {
			subscribers.Delete(ctx, row)
			return nil
		}
		subscribers.Set(ctx, row, s.hash)
		r, ok := rows.Get(ctx, ctx.Key())
		if ok || s.what == answerAlways {
			reply.EmitAt(ctx, s.key, answer[R]{s.hash, ok, r.value}, time.UnixMilli(max(ctx.Timestamp().UnixMilli(), r.at(ok))))
		}
		return nil
	})
	return p
}

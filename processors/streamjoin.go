package processors

import (
	"time"

	"github.com/millrace/millrace/pipeline"
)

// JoinStreams joins the records of two streams that have the same key and whose
// times are within a window: fn gets each pair once, and what it returns is
// emitted under the key, with the greater of the two times. Pairs come with the
// later of their records, in the order of the other's times; records of equal
// key and time are all kept. Both topics must be co-partitioned, which is
// checked at start; Repartition helps where they are not.
//
// A record that comes when its window is closed is late: it is counted, and goes
// to LateLeft or LateRight if they are set. A record without a key fails with
// pipeline.ErrNoKey.
//
// The records wait in the tables name-left and name-right, which only the
// operator reads, with timers in name-left-timers and name-right-timers. They
// take about the records of After plus Grace of the left stream and of Before plus
// Grace of the right one, and up to a quarter of the window more, each about its
// size and 40 bytes, the key twice. Stream time takes them away: while a
// partition has no records, nothing is.
func JoinStreams[L, R, To any](name string, left pipeline.Topic[L], right pipeline.Topic[R], w JoinWindows, to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, l L, r R) (To, error), opts ...StreamJoinOption) *pipeline.Processor {
	return joinStreams(name, left, right, w, to, padding{},
		func(ctx *pipeline.Context, l *L, r *R) (To, error) { return fn(ctx, *l, *r) }, opts)
}

// LeftJoinStreams is JoinStreams that also emits each record of the left stream
// that found no partner: ok is false then. It does so once, right when the
// record's window closes, with the record's time; never if a partner came. The
// context is then that of a timer, whose key is the record's and whose time is
// the window's end. A left record without a key has no partner, and is emitted at
// once.
func LeftJoinStreams[L, R, To any](name string, left pipeline.Topic[L], right pipeline.Topic[R], w JoinWindows, to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, l L, r R, ok bool) (To, error), opts ...StreamJoinOption) *pipeline.Processor {
	return joinStreams(name, left, right, w, to, padding{left: true},
		func(ctx *pipeline.Context, l *L, r *R) (To, error) {
			if r == nil {
				var none R
				return fn(ctx, *l, none, false)
			}
			return fn(ctx, *l, *r, true)
		}, opts)
}

// OuterJoinStreams is LeftJoinStreams for both sides: fn gets nil for the one
// that is missing.
func OuterJoinStreams[L, R, To any](name string, left pipeline.Topic[L], right pipeline.Topic[R], w JoinWindows, to pipeline.Topic[To],
	fn func(ctx *pipeline.Context, l *L, r *R) (To, error), opts ...StreamJoinOption) *pipeline.Processor {
	return joinStreams(name, left, right, w, to, padding{left: true, right: true}, fn, opts)
}

// padding says of which streams records without a partner are emitted.
type padding struct{ left, right bool }

func joinStreams[L, R, To any](name string, left pipeline.Topic[L], right pipeline.Topic[R], w JoinWindows, to pipeline.Topic[To],
	pads padding, fn func(ctx *pipeline.Context, l *L, r *R) (To, error), opts []StreamJoinOption) *pipeline.Processor {
	p := pipeline.Process(name)
	w.check(p)
	out := pipeline.Output(p, to)
	emit := func(ctx *pipeline.Context, at int64, l *L, r *R) error {
		o, err := fn(ctx, l, r)
		if err != nil {
			return err
		}
		if ctx.HasKey() {
			out.EmitAt(ctx, ctx.Key(), o, time.UnixMilli(at))
		} else {
			out.EmitUnkeyed(ctx, o)
		}
		return nil
	}
	var o streamJoinOptions
	for _, opt := range opts {
		opt(&o)
	}
	ls := newJoinSide(p, name+"-left", left, w, o.left)
	rs := newJoinSide(p, name+"-right", right, w.reversed(), o.right)
	if pads.left {
		ls.pad = func(ctx *pipeline.Context, at int64, l L) error { return emit(ctx, at, &l, nil) }
	}
	if pads.right {
		rs.pad = func(ctx *pipeline.Context, at int64, r R) error { return emit(ctx, at, nil, &r) }
	}
	pipeline.Input(p, left, func(ctx *pipeline.Context, l L) error {
		return arrive(ctx, l, ls, rs, func(at int64, r R) error { return emit(ctx, at, &l, &r) })
	})
	pipeline.Input(p, right, func(ctx *pipeline.Context, r R) error {
		return arrive(ctx, r, rs, ls, func(at int64, l L) error { return emit(ctx, at, &l, &r) })
	})
	return p
}

// arrive joins a record with those of the other side that wait, and lets it wait
// itself.
func arrive[A, B any](ctx *pipeline.Context, v A, mine *joinSide[A], theirs *joinSide[B], emit func(at int64, o B) error) error {
	at, now := ctx.Timestamp().UnixMilli(), ctx.StreamTime().UnixMilli()
	if !ctx.HasKey() {
		if mine.pad == nil {
			return pipeline.ErrNoKey
		}
		return mine.pad(ctx, at, v)
	}
	if mine.w.late(at, now) {
		mine.late.record(ctx, v)
		return nil
	}
	matched := false
	err := theirs.find(ctx, at-mine.w.before, at+mine.w.after, now, func(time int64, o B) error {
		matched = true
		return emit(max(at, time), o)
	})
	switch {
	case err != nil:
		return err
	case !mine.w.closed(at, now):
		mine.wait(ctx, at, v, matched)
	case !matched && mine.pad != nil:
		return mine.pad(ctx, at, v)
	}
	return ctx.Err()
}

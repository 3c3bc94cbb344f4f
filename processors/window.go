package processors

import (
	"errors"
	"math"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors/aggregate"
)

// Window aggregates the values of each key in each of its windows. What a window
// has so far is in the table, under the windowed key: see WindowKey, and SessionKey
// for sessions. Options say what is emitted, and when; without one only the table
// changes.
//
// Time is event time: windows close as stream time goes on, see
// pipeline.Context.StreamTime, right after the record that moved it; if more than 256
// close at once, records may be handled in between (pipeline.Timers.MayLag), but for
// sliding and count windows. A record all
// of whose windows have closed is late: it is counted (Context.Late), sent to the
// topic of LateTo, and has no other effect. One without a key fails with
// pipeline.ErrNoKey, one from before 1970 with ErrBeforeEpoch.
//
// The operator keeps timers in a changelog named after it, name-timers: one for
// each window of each key. With EmitEvery there is a second one, name-every, and of
// count windows a third table, name-open. The state is a row and a timer for each
// key and window that has not closed (or is retained: see Windows.Retain), however
// many records there are; nothing is looked for among the keys when windows close.
//
// The windows of a key lie together in the table. Where they are looked for, as
// those of sessions and sliding windows are, other keys are passed over that begin
// with the whole key and a time of eight bytes.
func Window[V, A any](name string, in pipeline.Topic[V], w Windows, agg aggregate.Func[V, A],
	table pipeline.Table[Pane[A]], opts ...WindowOption) *pipeline.Processor {
	p := pipeline.Process(name)
	for _, what := range append(w.problems(), agg.Problems()...) {
		p.Invalid("%s", what)
	}
	if w.kind == sessionWindow && agg.Merge == nil {
		p.Invalid("sessions, and the aggregation has no Merge: a record may come between two of them")
	}
	o := newWindowOperator(p, name, w, agg, table)
	o.out = declareEmits[V, A](p, name, w, opts)
	var handle func(ctx *pipeline.Context, v V, at, now int64) error
	find := o.findWindow // the window that a timer is of
	switch w.kind {
	case slidingWindow:
		handle = o.sliding
	case sessionWindow:
		handle, find = o.session, o.findSession
	case countWindow:
		o.open = pipeline.Store(p, pipeline.NewTable(name+"-open", openedCodec()).Internal())
		handle, find = o.count, o.findCounted
	default:
		handle = o.time
	}
	o.timers.Handle(func(ctx *pipeline.Context, _ struct{}) error {
		s, pane, err := find(ctx)
		if s.key != "" {
			o.due(ctx, s, pane)
		}
		return err
	})
	o.out.handlePending(find, o.panes)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		at := ctx.Timestamp().UnixMilli()
		switch {
		case !ctx.HasKey():
			return pipeline.ErrNoKey
		case at < 0:
			return ErrBeforeEpoch
		}
		return handle(ctx, v, at, ctx.StreamTime().UnixMilli())
	})
	return p
}

// ErrBeforeEpoch fails a record from before 1970: no window is there.
var ErrBeforeEpoch = errors.New("the record's event time is before 1970, where there are no windows")

// windowOperator is what the kinds of windows have in common.
type windowOperator[V, A any] struct {
	w      Windows
	agg    aggregate.Func[V, A]
	panes  pipeline.KeyValue[Pane[A]]
	timers pipeline.Timers[struct{}]
	out    windowEmits[V, A]
	open   pipeline.KeyValue[opened] // of count windows
}

func newWindowOperator[V, A any](p *pipeline.Processor, name string, w Windows, agg aggregate.Func[V, A],
	table pipeline.Table[Pane[A]]) *windowOperator[V, A] {
	o := &windowOperator[V, A]{w: w, agg: agg, panes: pipeline.Store(p, table.OrPartitionedBy(w.partitioner())),
		timers: pipeline.EventTimers(p, name+"-timers", nothing())}
	if w.kind == timeWindow || w.kind == sessionWindow {
		// Whether one of them is open is told by stream time, not by what is in the
		// table. Sliding windows are made of what is there, and count windows have
		// no time.
		o.timers = o.timers.MayLag()
	}
	return o
}

// nothing is the codec of what needs no bytes.
func nothing() codec.Codec[struct{}] {
	return codec.NewAppend("nothing", func(dst []byte, _ struct{}) ([]byte, error) { return dst, nil },
		func([]byte) (struct{}, error) { return struct{}{}, nil })
}

// add returns a pane with a record added, the first one if the pane is empty.
func (o *windowOperator[V, A]) add(ctx *pipeline.Context, p Pane[A], v V, at int64) (Pane[A], error) {
	var err error
	if p.Count == 0 {
		p.Value, err = o.agg.First(ctx, v)
	} else {
		p.Value, err = o.agg.Add(ctx, p.Value, v)
	}
	return p.with(at), err
}

// span is a window of a key. Times are in ms.
type span struct {
	key             string // the windowed one
	closes, expires int64
	at              int64 // the time of what is emitted for it
}

// put sets the pane of a window and emits it as an update. A window that is new
// gets a timer: for when it closes, or at once for when it is to be forgotten, if
// nothing is to be done before.
func (o *windowOperator[V, A]) put(ctx *pipeline.Context, s span, p Pane[A], isNew bool) {
	if isNew {
		o.arm(ctx, s, o.out.atClose())
	}
	o.panes.Set(ctx, s.key, o.out.pend(ctx, s, p))
	o.out.update(ctx, s, p.Value)
}

func (o *windowOperator[V, A]) arm(ctx *pipeline.Context, s span, close bool) {
	at := s.expires
	if close {
		at = s.closes
	}
	if at < math.MaxInt64 { // else never
		o.timers.Set(ctx, s.key, time.UnixMilli(at), struct{}{})
	}
}

// due does with a window what its timer was set for: close it, then forget it.
func (o *windowOperator[V, A]) due(ctx *pipeline.Context, s span, p Pane[A]) {
	now := ctx.Timestamp().UnixMilli()
	if now < s.closes { // it goes on for longer than when the timer was set
		o.arm(ctx, s, o.out.atClose())
		return
	}
	if !p.closed {
		o.out.close(ctx, s, p)
	}
	switch {
	case now >= s.expires:
		o.panes.Delete(ctx, s.key)
		if o.w.kind == countWindow {
			key, _, _ := splitWindow(s.key)
			o.open.Delete(ctx, key)
		}
		return
	case !p.closed:
		p.pending, p.closed = 0, true
		o.panes.Set(ctx, s.key, p)
	}
	o.arm(ctx, s, false)
}

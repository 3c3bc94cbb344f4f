package processors

import (
	"time"

	"github.com/millrace/millrace/pipeline"
)

// WindowOption says what Window emits. Each may be given once.
type WindowOption struct {
	name  string
	topic pipeline.Ref
	every time.Duration
}

// EmitUpdates emits a window's aggregate under its windowed key whenever it
// changes, with the time of the window's newest record; for a session with the time
// of its end. A session that grows or is merged gets another key: a tombstone is
// emitted for each session that a record has touched, under its old key, and then
// the new one.
func EmitUpdates[A any](t pipeline.Topic[A]) WindowOption {
	return WindowOption{name: "EmitUpdates", topic: t}
}

// EmitFinal emits a window's aggregate once, when it closes, with the times that
// EmitUpdates has.
func EmitFinal[A any](t pipeline.Topic[A]) WindowOption {
	return WindowOption{name: "EmitFinal", topic: t}
}

// EmitEvery emits a window's aggregate at most every d of stream time, and when the
// window closes if there is something new then: what has changed is emitted when
// stream time is d past it. A tombstone is emitted for a session that was emitted
// and then gets another key.
func EmitEvery[A any](d time.Duration, t pipeline.Topic[A]) WindowOption {
	return WindowOption{name: "EmitEvery", topic: t, every: d}
}

// LateTo sends records there that came too late for all of their windows, as they
// came. Without it they are only counted.
func LateTo[V any](t pipeline.Topic[V]) WindowOption {
	return WindowOption{name: "LateTo", topic: t}
}

// windowEmits are the outputs of a Window.
type windowEmits[V, A any] struct {
	updates, final *pipeline.Out[A]
	every          *everyEmits[A]
	late           aside[V]
}

type everyEmits[A any] struct {
	out    pipeline.Out[A]
	d      int64 // ms
	timers pipeline.Timers[struct{}]
}

func declareEmits[V, A any](p *pipeline.Processor, name string, w Windows, opts []WindowOption) (e windowEmits[V, A]) {
	given := map[string]bool{}
	for _, o := range opts {
		if given[o.name] {
			p.Invalid("%s is given twice", o.name)
			continue
		}
		given[o.name] = true
		switch o.name {
		case "EmitUpdates":
			e.updates = windowOut[A](p, o, w.partitioner())
		case "EmitFinal":
			e.final = windowOut[A](p, o, w.partitioner())
		case "EmitEvery":
			if o.every < time.Millisecond {
				p.Invalid("EmitEvery(%v): it must be a millisecond or longer", o.every)
			}
			if out := windowOut[A](p, o, w.partitioner()); out != nil {
				e.every = &everyEmits[A]{*out, o.every.Milliseconds(), pipeline.EventTimers(p, name+"-every", nothing())}
			}
		case "LateTo":
			e.late.out = windowOut[V](p, o, "")
		default:
			p.Invalid("a WindowOption that says nothing")
		}
	}
	return e
}

func windowOut[T any](p *pipeline.Processor, o WindowOption, by pipeline.Partitioner) *pipeline.Out[T] {
	t, ok := o.topic.(pipeline.Topic[T])
	if !ok {
		var want pipeline.Topic[T]
		p.Invalid("%s: topic %s is a %T, and must be a %T", o.name, o.topic.Name(), o.topic, want)
		return nil
	}
	out := pipeline.Output(p, t.OrPartitionedBy(by))
	return &out
}

// atClose says whether something may be to be emitted when a window closes.
func (e *windowEmits[V, A]) atClose() bool { return e.final != nil || e.every != nil }

func (e *windowEmits[V, A]) update(ctx *pipeline.Context, s span, a A) {
	if e.updates != nil {
		e.updates.EmitAt(ctx, s.key, a, time.UnixMilli(s.at))
	}
}

// pend notes that there is something new in a pane.
func (e *windowEmits[V, A]) pend(ctx *pipeline.Context, s span, p Pane[A]) Pane[A] {
	if e.every == nil || p.pending != 0 {
		return p
	}
	if p.pending = later(s.at, e.every.d); p.pending < s.closes {
		e.every.timers.Set(ctx, s.key, time.UnixMilli(p.pending), struct{}{})
	}
	return p
}

// handlePending sets the handler of EmitEvery's timers. A timer that no pane
// waits for any more is left of a session that was merged.
func (e *windowEmits[V, A]) handlePending(find func(*pipeline.Context) (span, Pane[A], error), panes pipeline.KeyValue[Pane[A]]) {
	if e.every == nil {
		return
	}
	e.every.timers.Handle(func(ctx *pipeline.Context, _ struct{}) error {
		s, p, err := find(ctx)
		if err == nil && s.key != "" && p.pending != 0 && p.pending <= ctx.Timestamp().UnixMilli() {
			p.pending, p.emitted = 0, true
			panes.Set(ctx, s.key, p)
			e.every.out.EmitAt(ctx, s.key, p.Value, time.UnixMilli(s.at))
		}
		return err
	})
}

// close emits what is to be emitted of a window that closes.
func (e *windowEmits[V, A]) close(ctx *pipeline.Context, s span, p Pane[A]) {
	if e.every != nil && p.pending != 0 {
		e.every.out.EmitAt(ctx, s.key, p.Value, time.UnixMilli(s.at))
	}
	if e.final != nil {
		e.final.EmitAt(ctx, s.key, p.Value, time.UnixMilli(s.at))
	}
}

// gone tells of a session that is not there any more under its key.
func (e *windowEmits[V, A]) gone(ctx *pipeline.Context, s span, emitted bool) {
	if e.updates != nil {
		e.updates.DeleteAt(ctx, s.key, time.UnixMilli(s.at))
	}
	if e.every != nil && emitted {
		e.every.out.DeleteAt(ctx, s.key, time.UnixMilli(s.at))
	}
}

package processors

import (
	"github.com/millrace/millrace/pipeline"
)

// session is a session of a key, with what it has. Both of its ends are times of
// records.
type session[A any] struct {
	start, end int64
	pane       Pane[A]
}

func (o *windowOperator[V, A]) sessionSpan(key string, start, end int64) span {
	return span{sessionKey(key, start, end), o.w.closes(end), o.w.expires(start, end), end}
}

// session adds a record to its session: it merges all that it is within the gap of,
// as Kafka Streams' KStreamSessionWindowAggregate does.
func (o *windowOperator[V, A]) session(ctx *pipeline.Context, v V, at, now int64) error {
	key, closed := ctx.Key(), o.w.closedBefore(now)
	next := session[A]{start: at, end: at}
	var merged []session[A]
	for s := range o.sessions(ctx, key, max(at-o.w.size, closed), now) {
		if s.start > later(at, o.w.size) {
			break
		}
		merged = append(merged, s)
		next.start, next.end = min(next.start, s.start), max(next.end, s.end)
	}
	if next.end < closed {
		o.out.late.record(ctx, v)
		return nil
	}
	for _, s := range merged {
		if err := o.merge(ctx, &next.pane, s.pane); err != nil {
			return err
		}
	}
	grown := next.start < at || next.end > at
	for _, s := range merged {
		if s.start == next.start && s.end == next.end {
			next.pane.emitted = s.pane.emitted
			s.pane.emitted = false
		}
		if grown {
			old := o.sessionSpan(key, s.start, s.end)
			o.panes.Delete(ctx, old.key)
			o.out.gone(ctx, old, s.pane.emitted)
		}
	}
	p, err := o.add(ctx, next.pane, v, at)
	if err != nil {
		return err
	}
	// A session that was there has a timer, and so has each that was merged: those
	// find this one when they fire. So a session that goes on sets no more of them.
	o.put(ctx, o.sessionSpan(key, next.start, next.end), p, len(merged) == 0)
	return nil
}

// merge adds a later session to what was merged so far.
func (o *windowOperator[V, A]) merge(ctx *pipeline.Context, to *Pane[A], p Pane[A]) error {
	if to.Count == 0 {
		*to = p
		to.emitted = false
		return nil
	}
	v, err := o.agg.Merge(ctx, to.Value, p.Value)
	if err != nil {
		return err
	}
	to.Value = v
	to.Count += p.Count
	if p.Time.After(to.Time) {
		to.Time = p.Time
	}
	if p.pending != 0 && (to.pending == 0 || p.pending < to.pending) {
		to.pending = p.pending
	}
	return nil
}

// sessions iterates over the sessions of a key that end at from or later, in the
// order of their ends. Stream time, now, is not before the end of any.
func (o *windowOperator[V, A]) sessions(ctx *pipeline.Context, key string, from, now int64) func(yield func(session[A]) bool) {
	return func(yield func(session[A]) bool) {
		for k, p := range o.panes.Range(ctx, sessionKey(key, 0, max(from, 0)), sessionKey(key, 0, later(now, 1))) {
			if len(k) != len(key)+2*timeSize { // of a key that begins with this one
				continue
			}
			_, start, end, err := splitSession(k)
			if err != nil {
				continue // nobody wrote it
			}
			if !yield(session[A]{start, end, p}) {
				return
			}
		}
	}
}

// findSession returns the session that a timer is of, or the one that it has become
// a part of since.
func (o *windowOperator[V, A]) findSession(ctx *pipeline.Context) (none span, pane Pane[A], err error) {
	key, start, end, err := splitSession(ctx.Key())
	if err != nil {
		return none, pane, err
	}
	if p, ok := o.panes.Get(ctx, ctx.Key()); ok {
		return o.sessionSpan(key, start, end), p, nil
	}
	for s := range o.sessions(ctx, key, end, ctx.StreamTime().UnixMilli()) {
		if s.start > start {
			break
		}
		return o.sessionSpan(key, s.start, s.end), s.pane, nil
	}
	return none, pane, nil
}

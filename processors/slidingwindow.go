package processors

import (
	"slices"

	"github.com/millrace/millrace/pipeline"
)

// sliding adds a record to the windows that have it in them, and makes those that
// it brings about, as Kafka Streams' KStreamSlidingWindowAggregate does (KIP-450).
//
// Each window is the left window of a record, which ends with it, or the right one,
// which begins a millisecond after it. A right window exists if it has records.
//
//	      [ left of r ]r[ right of r ]
//	---a----b----c----r-----d---e------> time
//
// So what is missing when r comes is at most three windows: the right one of the
// record before it, b or c, which has only r; its own left one, which has what
// the nearest window has that ended before r; and its own right one, which has
// what the last window has that r is in and that goes on after it.
func (o *windowOperator[V, A]) sliding(ctx *pipeline.Context, v V, at, now int64) error {
	if later(at, o.w.size) < o.w.closedBefore(now) { // its right window, the last that may be its
		o.out.late.record(ctx, v)
		return nil
	}
	s := slide[V, A]{o: o, ctx: ctx, v: v, at: at, now: now}
	add := s.usual
	if at < o.w.size {
		add = s.early
	}
	if err := add(); err != nil {
		return err
	}
	if !s.taken { // its left window is closed, and there is no other
		o.out.late.record(ctx, v)
	}
	return nil
}

// slide is a record on its way into sliding windows.
type slide[V, A any] struct {
	o       *windowOperator[V, A]
	ctx     *pipeline.Context
	v       V
	at, now int64
	taken   bool // a window has it
}

// slid is a window that is there.
type slid[A any] struct {
	start int64
	pane  Pane[A]
}

// windows returns the windows of the record's key that begin in [from, to].
func (s *slide[V, A]) windows(from, to int64) (ws []slid[A]) {
	key := s.ctx.Key()
	for k, p := range s.o.panes.Range(s.ctx, windowKey(key, max(from, 0)), windowKey(key, later(to, 1))) {
		if len(k) != len(key)+timeSize { // of a key that begins with this one
			continue
		}
		if _, start, err := splitWindow(k); err == nil {
			ws = append(ws, slid[A]{start, p})
		}
	}
	return ws
}

// usual adds the record. Updates go out in Kafka Streams' order: of the windows that
// are there the latest first.
func (s *slide[V, A]) usual() error {
	size := s.o.w.size
	ws := s.windows(s.at-2*size, later(s.at, 1))
	there := map[int64]bool{}
	var right, left *slid[A] // what the record's own windows have, if it makes them
	leftThere, rightThere := false, false
	before := int64(-1) // the time of the record before it; -1: there is none
	for i := range slices.Backward(ws) {
		w := &ws[i]
		newest, end := w.pane.Time.UnixMilli(), later(w.start, size)
		there[w.start] = true
		if w.start == s.at+1 {
			rightThere = true
			continue
		}
		if end < s.at {
			left, before = w, newest
			break
		}
		if end > s.at && right == nil {
			right = w
		}
		if err := s.add(w.start, w.pane, false); err != nil {
			return err
		}
		if end == s.at {
			leftThere = true
			if newest >= s.at { // a record of this time was there before: so are its windows
				return nil
			}
			before = newest
		}
	}
	if before >= 0 && !there[before+1] && later(before+1, size) >= s.at {
		if err := s.add(before+1, Pane[A]{}, true); err != nil {
			return err
		}
	}
	if !leftThere {
		var p Pane[A]
		if left != nil && before >= s.at-size {
			p = left.pane.anew()
		}
		if err := s.add(s.at-size, p, true); err != nil {
			return err
		}
	}
	if !rightThere && right != nil {
		s.right(right.pane)
	}
	return nil
}

// early adds a record from before 1970 + size, whose left window is [0, size] with
// all such.
func (s *slide[V, A]) early() error {
	var right, first *slid[A]
	rightThere := false
	there := map[int64]bool{}
	before := int64(-1)
	ws := s.windows(0, s.at+1)
	for i := range ws {
		w := &ws[i]
		there[w.start] = true
		switch {
		case w.start == 0:
			first = w
			if newest := w.pane.Time.UnixMilli(); newest < s.at {
				before = newest
			}
		case w.start == s.at+1:
			rightThere = true
		default:
			right = w
			if err := s.add(w.start, w.pane, false); err != nil {
				return err
			}
		}
	}
	if right == nil {
		right = first
	}
	if !rightThere && right != nil {
		s.right(right.pane)
	}
	if before >= 0 && !there[before+1] {
		if err := s.add(before+1, Pane[A]{}, true); err != nil {
			return err
		}
	}
	if first == nil {
		return s.add(0, Pane[A]{}, true)
	}
	return s.add(0, first.pane, false)
}

// add adds the record to a window, unless it is closed.
func (s *slide[V, A]) add(start int64, p Pane[A], isNew bool) error {
	w := s.o.span(s.ctx.Key(), start, 0)
	if w.closes <= s.now {
		return nil
	}
	p, err := s.o.add(s.ctx, p, s.v, s.at)
	if err != nil {
		return err
	}
	w.at, s.taken = p.Time.UnixMilli(), true
	s.o.put(s.ctx, w, p, isNew)
	return nil
}

// right makes the record's right window of one that has the records after it, if
// there are any.
func (s *slide[V, A]) right(p Pane[A]) {
	if newest := p.Time.UnixMilli(); newest > s.at {
		s.o.put(s.ctx, s.o.span(s.ctx.Key(), s.at+1, newest), p.anew(), true)
	}
}

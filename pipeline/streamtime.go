package pipeline

import (
	"math"
	"time"

	"github.com/millrace/millrace/internal/graph"
)

// Stream time of a partition is the greatest event time of its records. It only
// goes forward, which makes what goes by it the same each time that the records
// are processed.

// never is a stream time before any record, in ms.
const never = math.MinInt64

// streamClock is the stream time of a task. That of a processor with event timers
// is part of its state: a restart does not take it back.
type streamClock struct {
	ms     int64
	loaded bool
	stored int64     // what the state has
	heard  time.Time // by the wall clock: when the last record came, or stream time went on by itself
	idle   time.Duration
}

// StreamTime returns the greatest event time of the partition's records that were
// handled, the one at hand included; at a timer by the clock before any record,
// the zero time. It has a precision of a millisecond. Of a processor without
// EventTimers it begins anew when the partition is assigned.
func (c *Context) StreamTime() time.Time {
	ms := localOf(c.p, c.task).clock.ms
	if c.moves {
		ms = max(ms, c.at.UnixMilli())
	}
	if ms == never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Late counts the record at hand as one that came too late, in HandledStats and
// the metric millrace_late_records_total.
func (c *Context) Late() { c.late = true }

// hear notes that the record moves stream time, once its handler has succeeded.
func (c *Context) hear() error {
	c.moves = true
	if len(c.p.timers) == 0 {
		return nil
	}
	if err := c.p.loadTime(c.task, localOf(c.p, c.task)); err != nil {
		c.stage = atRead
		return err
	}
	return nil
}

// handled moves the clock on after a record that was handled.
func (s *streamClock) handled(c *Context) {
	if c.late {
		c.task.Late++
	}
	if !c.moves {
		return
	}
	s.ms = max(s.ms, c.at.UnixMilli())
	if s.idle > 0 {
		s.heard = c.task.Now()
	}
}

// Idle lets stream time go on without records: when none has come to a partition
// for d, stream time goes on as fast as the clock on the wall, from what it was.
// So a partition that falls silent does not keep windows and event timers open
// for ever; a record that comes after such a silence, with an older event time,
// may be too late. The silence begins anew when the partition is assigned, after a
// restart for instance. By default stream time stands still. It needs EventTimers,
// which the operators with windows have. d should be longer than any outage whose
// records shall not be late.
func Idle(p *Processor, d time.Duration) {
	if d <= 0 {
		p.bad(ErrConfig, "Idle: %v: it must be positive", d)
	}
	if p.idle != 0 {
		p.bad(ErrDuplicate, "Idle is set twice")
	}
	p.idle = d
}

// tick moves stream time on if no record has come for long enough.
func (s *streamClock) tick(t *graph.Task) {
	if s.idle <= 0 || s.ms == never {
		return
	}
	if on := t.Now().Sub(s.heard) - s.idle; on >= time.Millisecond {
		s.ms += on.Milliseconds()
		s.heard = s.heard.Add(on.Truncate(time.Millisecond))
	}
}

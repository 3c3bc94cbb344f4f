package processors

import (
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// JoinWindows says which records of two streams belong together, and for how
// long they wait for each other. It is made by Within; Before, After and Grace
// return changed copies. Spans of time are rounded down to milliseconds, as
// Kafka's times are.
//
//	                left record at t
//	 t-before              t                after
//	────├──────────────────┼──────────────────┤────────┤───▶ event time
//	     right records in here are joined       grace  └ the window is closed
//
// Both ends belong to the window. A record's window is closed when stream time
// is past its end plus the grace: then no record is joined with it any more. A
// record that comes after that is late.
type JoinWindows struct {
	before, after, grace int64 // ms
	bad                  []string
}

// Within joins records whose times are at most d apart, either way.
func Within(d time.Duration) JoinWindows {
	return JoinWindows{before: d.Milliseconds(), after: d.Milliseconds()}
}

// Before sets how much older than the left record a right one may be. A negative
// d makes only such right records belong to it that are younger, by at least
// that much.
func (w JoinWindows) Before(d time.Duration) JoinWindows {
	w.before = d.Milliseconds()
	return w
}

// After sets how much younger than the left record a right one may be. A
// negative d makes only such right records belong to it that are older, by at
// least that much.
func (w JoinWindows) After(d time.Duration) JoinWindows {
	w.after = d.Milliseconds()
	return w
}

// Grace sets how long after its end a window waits for records that come out of
// order, by stream time: default 0.
func (w JoinWindows) Grace(d time.Duration) JoinWindows {
	w.grace = d.Milliseconds()
	w.bad = w.bad[:len(w.bad):len(w.bad)]
	if d < 0 {
		w.bad = append(w.bad, fmt.Sprintf("a grace of %v: it must not be negative", d))
	}
	return w
}

// maxJoinSpan bounds the parts of a window, so that sums do not overflow.
const maxJoinSpan = math.MaxInt64 / 8 / int64(time.Millisecond)

// check adds what is wrong to the processor's problems.
func (w JoinWindows) check(p *pipeline.Processor) {
	for _, what := range w.bad {
		p.Invalid("%s", what)
	}
	for what, n := range map[string]int64{"before": w.before, "after": w.after, "grace": w.grace} {
		if max(n, -n) > maxJoinSpan {
			p.Invalid("a window with %s %v: it is too long", what, time.Duration(n)*time.Millisecond)
			return
		}
	}
	if w.before+w.after < 0 {
		p.Invalid("a window from %d ms before to %d ms after: it ends before it begins", w.before, w.after)
	}
}

// reversed is the window as the right stream's records see it.
func (w JoinWindows) reversed() JoinWindows {
	w.before, w.after = w.after, w.before
	return w
}

// closed says whether the window of a record is closed.
func (w JoinWindows) closed(at, streamTime int64) bool { return streamTime > at+w.after+w.grace }

// late says whether a record that comes now is late. Where After is negative, a
// window ends before its record: that may still find those that came before.
func (w JoinWindows) late(at, streamTime int64) bool {
	return streamTime > at+max(w.after, 0)+w.grace
}

// StreamJoinOption configures a join of two streams.
type StreamJoinOption func(*streamJoinOptions)

type streamJoinOptions struct{ left, right pipeline.Ref }

// LateLeft sends the late records of the left stream to a topic of the same
// type, with their keys and times. Without it they are dropped; in any case they
// are counted: see pipeline.Context.Late.
func LateLeft[V any](to pipeline.Topic[V]) StreamJoinOption {
	return func(o *streamJoinOptions) { o.left = to }
}

// LateRight is LateLeft for the right stream.
func LateRight[V any](to pipeline.Topic[V]) StreamJoinOption {
	return func(o *streamJoinOptions) { o.right = to }
}

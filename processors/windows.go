package processors

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// Windows says into which windows records fall. It is made by Tumbling, Hopping,
// Sliding, Session or CountWindow; Grace and Retain return changed copies. Spans
// of time are rounded down to milliseconds, as Kafka's times are.
type Windows struct {
	kind   windowKind
	size   int64 // ms; of a session the gap, of a sliding window the difference
	step   int64 // ms, of time windows
	n      int64 // of count windows
	grace  int64 // ms
	retain int64 // ms; 0: as long as needed
	bad    []string
}

type windowKind int

const (
	noWindow windowKind = iota
	timeWindow
	slidingWindow
	sessionWindow
	countWindow
)

// Tumbling are windows of one size that follow each other, from 1970 on: [0, size),
// [size, 2*size) and so on. A record falls into one.
func Tumbling(size time.Duration) Windows { return Hopping(size, size) }

// Hopping are windows of one size that begin every advance: [0, size),
// [advance, advance+size) and so on. A record falls into size/advance of them. The
// advance is at most the size, and at least a 10,000th of it.
func Hopping(size, advance time.Duration) Windows {
	w := Windows{kind: timeWindow, size: size.Milliseconds(), step: advance.Milliseconds()}
	switch {
	case w.size <= 0:
		w.wrong("a window of %v: it must be a millisecond or longer", size)
	case w.step <= 0 || w.step > w.size:
		w.wrong("windows of %v every %v: the advance must be a millisecond or longer, and not longer than the size", size, advance)
	case w.size/w.step > maxOverlap:
		w.wrong("windows of %v every %v: each record would fall into more than %d of them", size, advance, maxOverlap)
	}
	return w
}

// maxOverlap bounds the windows that one record falls into.
const maxOverlap = 10_000

// Sliding are windows around the records: of each key, for each record at t the
// window [t-difference, t], and the window [t+1ms, t+1ms+difference] if there are
// records in it. So two records are in a window together if they are at most
// difference apart. Both ends belong to the window. Windows with a negative start
// do not exist: the records before 1970 + difference are in [0, difference]
// together (KIP-450).
func Sliding(difference time.Duration) Windows {
	w := Windows{kind: slidingWindow, size: difference.Milliseconds()}
	if w.size < 0 {
		w.wrong("sliding windows of %v: the difference must not be negative", difference)
	}
	return w
}

// Session are windows of activity: records of a key that are at most gap apart
// are in one session. A session begins and ends with a record; both ends belong to
// it. A record between two sessions merges them, for which the aggregate needs a
// Merge.
func Session(gap time.Duration) Windows {
	w := Windows{kind: sessionWindow, size: gap.Milliseconds()}
	if w.size <= 0 {
		w.wrong("sessions with a gap of %v: it must be a millisecond or longer", gap)
	}
	return w
}

// CountWindow are windows of n records of a key, in the order in which they are
// handled. A window is named after the time of its first record. It closes with
// its n-th record; with Retain also when stream time is that much further than
// when it began. Records are never late for it.
func CountWindow(n int64) Windows {
	w := Windows{kind: countWindow, n: n}
	if n < 1 {
		w.wrong("windows of %d records: at least one is needed", n)
	}
	return w
}

// Grace sets how long after its end a window waits for records that come out of
// order, by stream time: default 0. A time window [start, end) closes when stream
// time is at end+grace, a sliding one when it is past end+grace, a session when it
// is past end+gap+grace.
func (w Windows) Grace(d time.Duration) Windows {
	w.bad = w.bad[:len(w.bad):len(w.bad)]
	if w.kind == countWindow {
		w.wrong("grace of count windows: no record is late for them")
	}
	if w.grace = d.Milliseconds(); d < 0 {
		w.wrong("a grace of %v: it must not be negative", d)
	}
	return w
}

// Retain sets how long a window stays in its table, by stream time: until it is d
// past the window's start, for a session past its end. That is Kafka Streams'
// retention, and has the same default and least value: what keeps each window
// until it has closed. Of count windows see CountWindow.
func (w Windows) Retain(d time.Duration) Windows {
	w.bad = w.bad[:len(w.bad):len(w.bad)]
	if w.retain = d.Milliseconds(); d <= 0 {
		w.wrong("a retention of %v: it must be positive", d)
	}
	return w
}

func (w *Windows) wrong(format string, args ...any) {
	w.bad = append(w.bad, fmt.Sprintf(format, args...))
}

// problems returns all that is wrong.
func (w Windows) problems() []string {
	bad := w.bad
	if w.kind == noWindow {
		bad = append(bad, "no windows: make them with Tumbling, Hopping, Sliding, Session or CountWindow")
	}
	if least := w.leastRetention(); w.retain > 0 && w.retain < least && w.kind != countWindow {
		bad = append(bad, fmt.Sprintf("a retention of %v: the windows are open for longer, %v", ms(w.retain), ms(least)))
	}
	return bad
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// leastRetention is how long a window is needed, from its start on; a session from
// its end on.
func (w Windows) leastRetention() int64 {
	if w.kind == slidingWindow {
		// A record that is not late yet, at difference+grace behind stream time,
		// asks for the windows that begin two differences before it.
		return later(w.grace, 3*w.size)
	}
	return later(w.grace, w.size)
}

// closes returns when a window closes that ends at end, by stream time.
func (w Windows) closes(end int64) int64 {
	switch w.kind {
	case timeWindow:
		return later(end, w.grace)
	case slidingWindow:
		return later(end, w.grace+1)
	}
	return later(end, w.size+w.grace+1) // of a session
}

// expires returns when a window leaves its table: when it closes, or later.
func (w Windows) expires(start, end int64) int64 {
	keep := max(w.retain, w.leastRetention())
	if w.kind == sessionWindow {
		return max(later(end, keep), w.closes(end))
	}
	return max(later(start, keep), w.closes(end))
}

// closedBefore returns the time before which a window has to end to be closed, by
// stream time: KIP-328's window close time, such that a time window is closed at
// end <= closedBefore, the others at end < closedBefore.
func (w Windows) closedBefore(streamTime int64) int64 {
	if w.kind == sessionWindow {
		return streamTime - w.grace - w.size
	}
	return streamTime - w.grace
}

// partitioner is that of the windowed keys: by the key without its window.
func (w Windows) partitioner() pipeline.Partitioner {
	if w.kind == sessionWindow {
		return pipeline.Partitioner("").Session()
	}
	return pipeline.Partitioner("").Window()
}

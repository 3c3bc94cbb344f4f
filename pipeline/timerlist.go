package pipeline

import (
	"bytes"
	"math"
	"time"

	"github.com/millrace/millrace/internal/graph"
)

// timerSet is a Timers with its type forgotten.
type timerSet struct {
	name  string
	clock bool // by the clock on the wall
	lags  bool // records may be handled before timers that are due
	n     int  // in the processor's timers
	fire  graph.Handler

	delete    func(t *graph.Task, key []byte) error
	scan      func(t *graph.Task, from []byte, yield func(key []byte) bool) error
	loadTime  func(t *graph.Task) (ms int64, ok bool, err error)
	storeTime func(t *graph.Task, ms int64) error
}

// timerList is what a task knows of the timers of a set: where the first is, and
// some that are due. It is a memory only: what it says was read from the table,
// and is forgotten when the task is taken back to what is committed. A record that
// failed may have made it too careful, which costs a look.
type timerList struct {
	due     [][]byte        // the first ones
	records []*graph.Record // of the first of due
	low     []byte          // no timer beside due is before it; nil: there is none
}

// scanned is how many timers are looked for at once.
const scanned = 1024

func newLocal(p *Processor, t *graph.Task) *local {
	l := &local{clock: streamClock{ms: never, stored: never}, lists: make([]timerList, len(p.timers))}
	if p.idle > 0 {
		l.clock.idle, l.clock.heard = p.idle, t.Now()
	}
	for i := range l.lists {
		l.lists[i].low = timerKey(math.MinInt64, nil)
	}
	return l
}

// add notes a timer that was set.
func (l *timerList) add(key []byte) {
	if l.low != nil && bytes.Compare(key, l.low) >= 0 {
		return
	}
	if n := len(l.due); n > 0 {
		switch {
		case bytes.Compare(key, l.due[n-1]) > 0:
			l.low = key
			return
		case bytes.Compare(key, l.due[0]) > 0:
			key = l.due[0]
		}
	}
	l.due, l.records, l.low = nil, nil, key
}

// first says whether a timer is the next to fire.
func (l *timerList) first(key []byte) bool { return len(l.due) > 0 && bytes.Equal(l.due[0], key) }

// fired takes the first timer away.
func (l *timerList) fired(key []byte) {
	if l.first(key) {
		l.due = l.due[1:]
		l.records = l.records[min(1, len(l.records)):]
	}
}

// take returns the first n of those that are due as records. A record is made once,
// however often it is asked for: chunks of timers are cut short by commits.
func (l *timerList) take(s *timerSet, partition int32, n int) []*graph.Record {
	n = min(n, len(l.due))
	if more := l.due[min(len(l.records), n):n]; len(more) > 0 {
		made := make([]graph.Record, len(more))
		for i, key := range more {
			made[i] = graph.Record{Topic: s.name, Partition: partition, Offset: -1,
				Key: key[8:], Timestamp: time.UnixMilli(timeOf(key))}
			l.records = append(l.records, &made[i])
		}
	}
	return l.records[:n:n]
}

// head returns the time before which no timer is.
func (l *timerList) head() (ms int64, ok bool) {
	switch {
	case len(l.due) > 0:
		return timeOf(l.due[0]), true
	case l.low != nil:
		return timeOf(l.low), true
	}
	return 0, false
}

// find looks for timers up to a time, unless some are known.
func (l *timerList) find(t *graph.Task, s *timerSet, until int64) error {
	if len(l.due) > 0 || l.low == nil || timeOf(l.low) > until {
		return nil
	}
	var due [][]byte
	var low []byte
	err := s.scan(t, l.low, func(key []byte) bool {
		if len(due) == scanned || timeOf(key) > until {
			low = key
			return false
		}
		due = append(due, key)
		return true
	})
	if err == nil {
		l.due, l.records, l.low = due, nil, low
	}
	return err
}

// eventTimers returns the first set that goes by event time, which holds the
// stream time, or nil.
func (p *Processor) eventTimers() *timerSet {
	for _, s := range p.timers {
		if !s.clock {
			return s
		}
	}
	return nil
}

// loadTime reads the stream time of the state, once.
func (p *Processor) loadTime(t *graph.Task, l *local) error {
	if l.clock.loaded {
		return nil
	}
	if s := p.eventTimers(); s != nil {
		ms, ok, err := s.loadTime(t)
		if err != nil {
			return err
		}
		if ok {
			l.clock.ms, l.clock.stored = ms, ms
		}
	}
	l.clock.loaded = true
	return nil
}

// until is the time up to which the timers of a set are due.
func (s *timerSet) until(t *graph.Task, l *local) int64 {
	if s.clock {
		return t.Now().UnixMilli()
	}
	return l.clock.ms
}

// engineTimers are the processor's timers for the engine.
func (p *Processor) engineTimers() *graph.Timers {
	return &graph.Timers{
		Ready: p.timersReady,
		Due:   p.dueTimers,
		Handle: func(t *graph.Task, r *graph.Record) error {
			s := p.timersNamed(r.Topic)
			if err := s.fire(t, r); err != nil {
				return err
			}
			localOf(p, t).lists[s.n].fired(timerKey(r.Timestamp.UnixMilli(), r.Key))
			return nil
		},
		Drop: func(t *graph.Task, r *graph.Record) error {
			s := p.timersNamed(r.Topic)
			key := timerKey(r.Timestamp.UnixMilli(), r.Key)
			localOf(p, t).lists[s.n].fired(key)
			return s.delete(t, key)
		},
		Wake: p.wakeTimers,
		Freeze: func(t *graph.Task) error {
			l, s := localOf(p, t), p.eventTimers()
			if s == nil || l.clock.ms == l.clock.stored {
				return nil
			}
			l.clock.stored = l.clock.ms
			return s.storeTime(t, l.clock.ms)
		},
	}
}

// timersReady implements graph.Timers.Ready.
func (p *Processor) timersReady(t *graph.Task) (due, first bool) {
	l := localOf(p, t)
	if !l.clock.loaded {
		return true, true
	}
	l.clock.tick(t)
	for i, s := range p.timers {
		if head, ok := l.lists[i].head(); ok && head <= s.until(t, l) {
			due, first = true, first || !s.lags
		}
	}
	return due, first
}

// dueTimers implements graph.Timers.Due.
func (p *Processor) dueTimers(t *graph.Task, n int) ([]*graph.Record, error) {
	l := localOf(p, t)
	if err := p.loadTime(t, l); err != nil {
		return nil, err
	}
	for i, s := range p.timers {
		list := &l.lists[i]
		until := s.until(t, l)
		if err := list.find(t, s, until); err != nil {
			return nil, err
		}
		if head, ok := list.head(); !ok || head > until {
			continue
		}
		return list.take(s, t.Partition, n), nil
	}
	return nil, nil
}

// wakeTimers implements graph.Timers.Wake.
func (p *Processor) wakeTimers(t *graph.Task) (wake time.Time) {
	l := localOf(p, t)
	for i, s := range p.timers {
		head, ok := l.lists[i].head()
		if !ok {
			continue
		}
		at := time.UnixMilli(head)
		if !s.clock {
			if l.clock.idle <= 0 || l.clock.ms == never {
				continue
			}
			at = l.clock.heard.Add(l.clock.idle + time.Duration(head-l.clock.ms)*time.Millisecond)
		}
		if wake.IsZero() || at.Before(wake) {
			wake = at
		}
	}
	return wake
}

func (p *Processor) timersNamed(name string) *timerSet {
	for _, s := range p.timers {
		if s.name == name {
			return s
		}
	}
	return nil // not of a record that Due made
}

package pipeline

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/pipeline/codec"
)

// Timers call a handler of the processor when a time has come. A timer is a key
// and a time, with a value. They are kept in a store and a changelog of their
// own, so they outlive restarts and rebalances, and are deleted in one
// transaction with what their handler did: under exactly-once each fires once.
//
// They fire in the order of time, then key, each between two records, with
// effects of its own, and all that are due before the next record, unless MayLag says
// otherwise. In the handler, Context.Key is the timer's key and
// Context.Timestamp its time, which is that of what it emits; State is at that
// key. When the handler fails, the processor's OnError decides as for a record;
// its topic is the name of the timers, and its offset -1. A dead letter of a timer
// cannot be put back.
type Timers[V any] struct {
	kv    KeyValue[timer[V]]
	set   *timerSet
	codec codec.Codec[V]
}

// EventTimers declares timers by event time: they fire when stream time reaches
// them, right after the record that moved it; see Context.StreamTime. A time that
// has passed already fires after the record at hand. The changelog, and the store's
// folder, is TOPOLOGY-name: see Table.Internal.
func EventTimers[V any](p *Processor, name string, c codec.Codec[V]) Timers[V] {
	return newTimers(p, name, c, false)
}

// ClockTimers declares timers by the clock on the wall, Config.Now. They fire up
// to 10 ms late, and not while their partition has no owner or its owner is busy
// with a record: as soon as they can, then.
func ClockTimers[V any](p *Processor, name string, c codec.Codec[V]) Timers[V] {
	return newTimers(p, name, c, true)
}

func newTimers[V any](p *Processor, name string, c codec.Codec[V], clock bool) Timers[V] {
	var wrapped codec.Codec[timer[V]]
	if c != nil {
		p.encodes("timers "+name, checker(c))
		wrapped = timerCodec(c)
	}
	kv := Store(p, NewTable(name, wrapped).Internal())
	p.spec.States[kv.i].Timers = true
	s := &timerSet{name: name, clock: clock, n: len(p.timers)}
	of := func(t *graph.Task) *table.Table[timer[V]] { return t.States[kv.i].(*table.Table[timer[V]]) }
	s.delete = func(t *graph.Task, key []byte) error { return of(t).Delete(key) }
	s.scan = func(t *graph.Task, from []byte, yield func(key []byte) bool) error {
		return of(t).Prefetch(from, nil, func(key []byte, _ timer[V]) bool { return yield(key) })
	}
	s.loadTime = func(t *graph.Task) (ms int64, ok bool, err error) {
		row, ok, err := of(t).Get(timeRow)
		return row.ms, ok, err
	}
	s.storeTime = func(t *graph.Task, ms int64) error {
		tab := of(t)
		tab.Begin(time.UnixMilli(ms))
		return tab.Set(timeRow, timer[V]{time: true, ms: ms})
	}
	p.timers = append(p.timers, s)
	p.spec.Timers = p.engineTimers()
	return Timers[V]{kv, s, c}
}

// MayLag lets records be handled while timers are due, for processors in which many
// become due at once: a million of them that close windows take seconds, in which
// no record of their partition would be handled. At least 256 fire after each record
// that finds some due; if more are left, records and timers take turns of a few
// milliseconds each. So handlers must not take for granted that what was due has
// fired: they compare times with Context.StreamTime, as processors.Window does.
func (t Timers[V]) MayLag() Timers[V] {
	t.set.lags = true
	return t
}

// Handle sets the handler.
func (t Timers[V]) Handle(fn func(*Context, V) error) {
	p := t.kv.p
	if fn == nil {
		p.bad(ErrIncomplete, "timers %s have no handler", t.set.name)
		return
	}
	t.set.fire = handler(p, func(ctx *Context) error {
		key := timerKey(ctx.at.UnixMilli(), ctx.rec.Key)
		if ctx.err == nil && !localOf(p, ctx.task).lists[t.set.n].first(key) {
			return nil // another one has come before it: it is found again
		}
		v, ok := t.kv.get(ctx, key)
		if !ok || ctx.err != nil {
			return ctx.err // deleted since it was found
		}
		t.kv.delete(ctx, key)
		handled := false
		defer func() {
			if !handled { // for a dead letter
				ctx.rec.Value, _ = t.codec.Append(nil, v.value)
			}
		}()
		err := fn(ctx, v.value)
		handled = err == nil && ctx.err == nil
		return err
	})
}

// Set sets a timer. One of the same key and time gets the new value. Times are
// rounded down to milliseconds.
func (t Timers[V]) Set(ctx *Context, key string, at time.Time, v V) {
	if !ctx.on(t.kv.p) {
		return
	}
	k := timerKey(at.UnixMilli(), raw(key))
	t.kv.set(ctx, k, timer[V]{value: v})
	localOf(ctx.p, ctx.task).lists[t.set.n].add(k)
}

// Get returns the value of a timer that is set.
func (t Timers[V]) Get(ctx *Context, key string, at time.Time) (v V, ok bool) {
	e, ok := t.kv.get(ctx, timerKey(at.UnixMilli(), raw(key)))
	return e.value, ok
}

// Delete deletes a timer; one that is not set is none.
func (t Timers[V]) Delete(ctx *Context, key string, at time.Time) {
	t.kv.delete(ctx, timerKey(at.UnixMilli(), raw(key)))
}

// timer is a row of the table that timers are kept in: a timer's value, or the
// stream time.
type timer[V any] struct {
	time  bool
	ms    int64
	value V
}

// MarshalJSON is for views.
func (t timer[V]) MarshalJSON() ([]byte, error) {
	if t.time {
		return json.Marshal(time.UnixMilli(t.ms).UTC())
	}
	return json.Marshal(t.value)
}

// timeRow is the key of the stream time: shorter than any timer's.
var timeRow = []byte{}

var errTimer = errors.New("malformed timer")

// timerCodec encodes a byte that says what it is, then the value or the time in
// milliseconds.
func timerCodec[V any](c codec.Codec[V]) codec.Codec[timer[V]] {
	return codec.NewAppend("timer of "+c.Name(),
		func(dst []byte, t timer[V]) ([]byte, error) {
			if t.time {
				return binary.BigEndian.AppendUint64(append(dst, 1), uint64(t.ms)), nil
			}
			return c.Append(append(dst, 0), t.value)
		},
		func(b []byte) (t timer[V], err error) {
			switch {
			case len(b) > 0 && b[0] == 0:
				t.value, err = c.Decode(b[1:])
				return t, err
			case len(b) == 9 && b[0] == 1:
				return timer[V]{time: true, ms: int64(binary.BigEndian.Uint64(b[1:]))}, nil
			}
			return t, errTimer
		})
}

// timerKey sorts by time, then by key: the milliseconds with the sign bit turned,
// big-endian, then the key.
func timerKey(ms int64, key []byte) []byte {
	b := make([]byte, 0, 8+len(key))
	return append(binary.BigEndian.AppendUint64(b, uint64(ms)^1<<63), key...)
}

// timeOf returns the time in a timer's key.
func timeOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(key) ^ 1<<63) }

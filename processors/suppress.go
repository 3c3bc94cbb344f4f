package processors

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Suppress makes a table a stream of fewer changes: a change waits until stream time
// is limit past it, and changes of its key that come meanwhile take its place. So a
// key is emitted at most once in each limit, with the newest value and its own time;
// a deletion is a record without a value. It is Kafka Streams'
// suppress(untilTimeLimit) without a bound of its buffer. EmitEvery does this for
// windows.
//
// State: name-waiting has a row, and name-timers a timer, for each key that waits.
func Suppress[V any](name string, table pipeline.Table[V], to pipeline.Topic[V], limit time.Duration) *pipeline.Processor {
	p := pipeline.Process(name)
	if limit < 0 {
		p.Invalid("a limit of %v: it must not be negative", limit)
	}
	out := pipeline.Output(p, to)
	waiting := pipeline.Store(p, pipeline.NewTable(name+"-waiting", suppressedCodec(table.Codec())).Internal())
	timers := pipeline.EventTimers(p, name+"-timers", nothing())
	pipeline.Changes(p, table, func(ctx *pipeline.Context, c pipeline.Change[V]) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		at := ctx.Timestamp().UnixMilli()
		if _, ok := waiting.Get(ctx, ctx.Key()); !ok {
			timers.Set(ctx, ctx.Key(), time.UnixMilli(later(at, limit.Milliseconds())), struct{}{})
		}
		waiting.Set(ctx, ctx.Key(), timed[suppressed[V]]{at, suppressed[V]{c.Deleted, c.Value}})
		return nil
	})
	timers.Handle(func(ctx *pipeline.Context, _ struct{}) error {
		w, ok := waiting.Get(ctx, ctx.Key())
		if !ok {
			return ctx.Err()
		}
		waiting.Delete(ctx, ctx.Key())
		if w.value.deleted {
			out.DeleteAt(ctx, ctx.Key(), time.UnixMilli(w.ms))
		} else {
			out.EmitAt(ctx, ctx.Key(), w.value.value, time.UnixMilli(w.ms))
		}
		return nil
	})
	return p
}

// suppressed is a change that waits.
type suppressed[V any] struct {
	deleted bool
	value   V
}

// MarshalJSON is for views.
func (s suppressed[V]) MarshalJSON() ([]byte, error) {
	if s.deleted {
		return []byte("null"), nil
	}
	return json.Marshal(s.value)
}

// suppressedCodec encodes the time, then 1 for a deletion, or 0 and the value.
func suppressedCodec[V any](c codec.Codec[V]) codec.Codec[timed[suppressed[V]]] {
	if c == nil {
		return nil
	}
	return timedCodec(codec.NewAppend("suppressed "+c.Name(), func(dst []byte, s suppressed[V]) ([]byte, error) {
		if s.deleted {
			return append(dst, 1), nil
		}
		return c.Append(append(dst, 0), s.value)
	}, func(b []byte) (s suppressed[V], err error) {
		switch {
		case len(b) == 1 && b[0] == 1:
			return suppressed[V]{deleted: true}, nil
		case len(b) == 0 || b[0] != 0:
			return s, errRow
		}
		s.value, err = c.Decode(b[1:])
		return s, err
	}))
}

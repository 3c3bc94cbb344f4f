package processors

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// joinSide is the records of one stream of a join that wait for partners, with
// the timers that end the wait.
type joinSide[V any] struct {
	w      JoinWindows // as this side's records see it
	rows   pipeline.KeyValue[waiting[V]]
	timers pipeline.Timers[struct{}]
	late   aside[V]
	// pad emits a record that found no partner; nil: it is dropped.
	pad func(ctx *pipeline.Context, at int64, v V) error
}

// waiting is a record that waits.
type waiting[V any] struct {
	matched bool // it found a partner; kept only where it matters
	value   V
}

// MarshalJSON is for views.
func (w waiting[V]) MarshalJSON() ([]byte, error) { return json.Marshal(w.value) }

func newJoinSide[V any](p *pipeline.Processor, name string, in pipeline.Topic[V], w JoinWindows, late pipeline.Ref) *joinSide[V] {
	s := &joinSide[V]{w: w}
	s.rows = pipeline.Store(p, pipeline.NewTable(name, waitingCodec(in.Codec())).Internal())
	s.timers = pipeline.EventTimers(p, name+"-timers", nothing())
	s.timers.Handle(s.close)
	s.late = setAside[V](p, late, "records of topic "+in.Name())
	return s
}

// wait keeps the record at hand until its window closes.
func (s *joinSide[V]) wait(ctx *pipeline.Context, at int64, v V, matched bool) {
	key := ctx.Key()
	s.rows.Set(ctx, joinRow(key, at, ctx.Offset()), waiting[V]{matched && s.pad != nil, v})
	ends := at + s.w.after + s.w.grace + 1
	if s.pad == nil { // nothing happens then but the deletion: one timer does for many
		ends += mod(-ends, max(s.w.span()/4, 1))
	}
	s.timers.Set(ctx, key, time.UnixMilli(ends), struct{}{})
}

// find calls fn for the records with from <= time <= to at the key at hand whose
// windows are open, in the order of time and arrival.
func (s *joinSide[V]) find(ctx *pipeline.Context, from, to, now int64, fn func(at int64, v V) error) error {
	from = max(from, now-s.w.after-s.w.grace) // others are closed
	if from > to {
		return nil
	}
	key := ctx.Key()
	for row, w := range s.rows.Range(ctx, joinRow(key, from, 0), joinRow(key, to+1, 0)) {
		if err := fn(joinRowTime(row), w.value); err != nil {
			return err
		}
		if s.pad != nil && !w.matched {
			w.matched = true
			s.rows.Set(ctx, row, w)
		}
	}
	return nil
}

// close ends the wait of a key's records whose windows are closed.
func (s *joinSide[V]) close(ctx *pipeline.Context, _ struct{}) error {
	key := ctx.Key()
	open := ctx.Timestamp().UnixMilli() - s.w.after - s.w.grace
	for row, w := range s.rows.Range(ctx, joinPrefix(key), joinRow(key, open, 0)) {
		s.rows.Delete(ctx, row)
		if s.pad != nil && !w.matched {
			if err := s.pad(ctx, joinRowTime(row), w.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w JoinWindows) span() int64 { return w.before + w.after + w.grace }

// mod is the remainder that is not negative.
func mod(a, b int64) int64 { return (a%b + b) % b }

// A row's key sorts by key, time and arrival: the key after its length, so that
// none is another's prefix, the time in milliseconds and the offset, each as eight
// bytes, big-endian, the time with its sign bit turned.
func joinRow(key string, at, offset int64) string {
	b := make([]byte, 0, 4+len(key)+16)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(key))), key...)
	b = binary.BigEndian.AppendUint64(b, uint64(at)^1<<63)
	return string(binary.BigEndian.AppendUint64(b, uint64(offset)))
}

func joinPrefix(key string) string {
	b := make([]byte, 0, 4+len(key))
	return string(append(binary.BigEndian.AppendUint32(b, uint32(len(key))), key...))
}

// joinRowTime returns the time in a key that joinRow made.
func joinRowTime(row string) int64 {
	if len(row) < 16 {
		return 0 // not of ours
	}
	var b [8]byte
	copy(b[:], row[len(row)-16:])
	return int64(binary.BigEndian.Uint64(b[:]) ^ 1<<63)
}

// waitingCodec encodes a byte that says whether there was a partner, then the
// value.
func waitingCodec[V any](c codec.Codec[V]) codec.Codec[waiting[V]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("waiting "+c.Name(),
		func(dst []byte, w waiting[V]) ([]byte, error) {
			if w.matched {
				return c.Append(append(dst, 1), w.value)
			}
			return c.Append(append(dst, 0), w.value)
		},
		func(b []byte) (w waiting[V], err error) {
			if len(b) == 0 || b[0] > 1 {
				return w, errRow
			}
			w.matched = b[0] == 1
			w.value, err = c.Decode(b[1:])
			return w, err
		})
}

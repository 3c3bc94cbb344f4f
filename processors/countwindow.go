package processors

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// opened says which count window of a key is open: it begins at the time of its
// first record, and is closed by stream time if it is not filled before. Times are
// in ms.
type opened struct{ start, closes int64 }

// openedCodec encodes the two times in eight bytes each, big-endian.
func openedCodec() codec.Codec[opened] {
	return codec.NewAppend("opened", func(dst []byte, o opened) ([]byte, error) {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(o.start)), uint64(o.closes)), nil
	}, func(b []byte) (opened, error) {
		if len(b) != 16 {
			return opened{}, codec.ErrLength
		}
		return opened{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
	})
}

func (w opened) span(key string, at int64) span {
	return span{windowKey(key, w.start), w.closes, w.closes, at}
}

// count adds a record to the open window of its key.
func (o *windowOperator[V, A]) count(ctx *pipeline.Context, v V, at, now int64) error {
	w, ok := o.open.Get(ctx, ctx.Key())
	if !ok {
		w = opened{at, math.MaxInt64}
		if o.w.retain > 0 {
			w.closes = later(now, o.w.retain)
		}
		o.open.Set(ctx, ctx.Key(), w)
	}
	s := w.span(ctx.Key(), at)
	var p Pane[A]
	if ok {
		p, _ = o.panes.Get(ctx, s.key)
	}
	p, err := o.add(ctx, p, v, at)
	if err != nil {
		return err
	}
	s.at = p.Time.UnixMilli()
	if p.Count < o.w.n {
		o.put(ctx, s, p, !ok)
		return nil
	}
	o.out.update(ctx, s, p.Value)
	p.pending = 1 // whatever it was: there is something new
	o.out.close(ctx, s, p)
	o.panes.Delete(ctx, s.key)
	o.open.Delete(ctx, ctx.Key())
	o.timers.Delete(ctx, s.key, time.UnixMilli(w.closes))
	return nil
}

// findCounted returns the window of a timer, if it is open.
func (o *windowOperator[V, A]) findCounted(ctx *pipeline.Context) (none span, pane Pane[A], err error) {
	key, start, err := splitWindow(ctx.Key())
	if err != nil {
		return none, pane, err
	}
	w, ok := o.open.Get(ctx, key)
	if !ok || w.start != start {
		return none, pane, nil
	}
	p, _ := o.panes.Get(ctx, ctx.Key())
	return w.span(key, p.Time.UnixMilli()), p, nil
}

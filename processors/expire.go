package processors

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Expiry calls a function when a key was not touched for a time. It is for
// processors of one's own; ToTable has it as TTL.
//
// It keeps a row of the key and 16 bytes for each key in the table name-ttl, and one
// timer in name-ttl-timers. A touch writes the row only: a timer that finds a
// key touched since it was set sets itself again.
type Expiry struct {
	p      *pipeline.Processor
	rows   pipeline.KeyValue[lease]
	timers pipeline.Timers[struct{}]
	ttl    int64 // ms
	clock  bool
}

// lease is what is known of a key, in ms.
type lease struct {
	touched int64 // last
	armed   int64 // its timer
}

// Expire declares that expired is called for a key when stream time is ttl past
// the greatest event time of the records that touched it. The key is that of the
// context, which is a timer's: pipeline.State is at it. The name is usually the
// processor's.
func Expire(p *pipeline.Processor, name string, ttl time.Duration, expired func(ctx *pipeline.Context) error) Expiry {
	return newExpiry(p, name, ttl, pipeline.EventTimers(p, name+"-ttl-timers", nothing()), false, expired)
}

// ExpireByClock is Expire by the clock on the wall: expired is called ttl after the
// last touch.
func ExpireByClock(p *pipeline.Processor, name string, ttl time.Duration, expired func(ctx *pipeline.Context) error) Expiry {
	return newExpiry(p, name, ttl, pipeline.ClockTimers(p, name+"-ttl-timers", nothing()), true, expired)
}

func newExpiry(p *pipeline.Processor, name string, ttl time.Duration, timers pipeline.Timers[struct{}], clock bool,
	expired func(ctx *pipeline.Context) error) Expiry {
	e := Expiry{p: p, rows: pipeline.Store(p, pipeline.NewTable(name+"-ttl", leaseCodec()).Internal()), timers: timers,
		ttl: ttl.Milliseconds(), clock: clock}
	if e.ttl <= 0 {
		p.Invalid("a TTL of %v: it must be a millisecond or longer", ttl)
	}
	if expired == nil {
		p.Invalid("a TTL without a function for what expires")
		expired = func(*pipeline.Context) error { return nil }
	}
	timers.Handle(func(ctx *pipeline.Context, _ struct{}) error {
		at := ctx.Timestamp().UnixMilli()
		l, ok := e.rows.Get(ctx, ctx.Key())
		if !ok || l.armed != at {
			return nil // forgotten since
		}
		if until := later(l.touched, e.ttl); until > at {
			e.arm(ctx, lease{l.touched, until})
			return nil
		}
		e.rows.Delete(ctx, ctx.Key())
		return expired(ctx)
	})
	return e
}

// Touch notes that the key of the record at hand was updated.
func (e Expiry) Touch(ctx *pipeline.Context) {
	at := ctx.Timestamp()
	if e.clock {
		at = ctx.Now()
	}
	ms := at.UnixMilli()
	l, ok := e.rows.Get(ctx, ctx.Key())
	switch {
	case !ok:
		e.arm(ctx, lease{ms, later(ms, e.ttl)})
	case ms > l.touched:
		l.touched = ms
		e.rows.Set(ctx, ctx.Key(), l)
	}
}

// Forget ends the wait for the key of the record at hand.
func (e Expiry) Forget(ctx *pipeline.Context) {
	if l, ok := e.rows.Get(ctx, ctx.Key()); ok {
		e.rows.Delete(ctx, ctx.Key())
		e.timers.Delete(ctx, ctx.Key(), time.UnixMilli(l.armed))
	}
}

func (e Expiry) arm(ctx *pipeline.Context, l lease) {
	e.rows.Set(ctx, ctx.Key(), l)
	e.timers.Set(ctx, ctx.Key(), time.UnixMilli(l.armed), struct{}{})
}

// leaseCodec encodes the two times as eight bytes each, big-endian.
func leaseCodec() codec.Codec[lease] {
	return codec.NewAppend("lease", func(dst []byte, l lease) ([]byte, error) {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(l.touched)), uint64(l.armed)), nil
	}, func(b []byte) (l lease, err error) {
		if len(b) != 16 {
			return l, errRow
		}
		return lease{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
	})
}

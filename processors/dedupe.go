package processors

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Dedupe passes on the first record of each key within a window of time: a
// record is dropped if one of the same key was passed on that is less than
// window older or newer, by the records' times. A window of 0 is for ever, and
// then the state grows with the number of keys.
//
// The table holds a time for each key that was passed on. Entries are deleted
// once the newest record of their partition is two windows ahead, a bounded
// number with each record, so the state is about the keys of two to three
// windows. Records that come later than that are passed on: it is not known
// any more whether they are duplicates, and nothing is lost.
func Dedupe[V any](name string, in, unique pipeline.Topic[V], seen pipeline.Table[time.Time], window time.Duration) *pipeline.Processor {
	p := pipeline.Process(name)
	d := newDeduper(p, seen, window)
	out := pipeline.Output(p, unique)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		if !ctx.HasKey() {
			return pipeline.ErrNoKey
		}
		if d.first(ctx, ctx.Key()) {
			out.Emit(ctx, ctx.Key(), v)
		}
		return nil
	})
	return p
}

// DedupeBy is Dedupe by a key of the value's own. The records go through the
// processor's loop to the partition of that key first; what is passed on has
// the record's own key again.
func DedupeBy[V any](name string, in, unique pipeline.Topic[V], seen pipeline.Table[time.Time], window time.Duration,
	c codec.Codec[V], key func(v V) string) *pipeline.Processor {
	p := pipeline.Process(name)
	d := newDeduper(p, seen, window)
	out := pipeline.Output(p, unique)
	loop := pipeline.Loop(p, envelope(c))
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		loop.Emit(ctx, key(v), enveloped[V]{ctx.Key(), ctx.HasKey(), v})
		return nil
	})
	loop.Handle(func(ctx *pipeline.Context, e enveloped[V]) error {
		switch {
		case !d.first(ctx, ctx.Key()):
		case e.keyed:
			out.Emit(ctx, e.key, e.value)
		default:
			out.EmitUnkeyed(ctx, e.value)
		}
		return nil
	})
	return p
}

// deduper keeps what was seen in segments of time as long as the window, so
// that what is too old lies together and is found without a scan.
type deduper struct {
	seen   pipeline.KeyValue[time.Time]
	window time.Duration
}

// The entries about the partition itself; those of keys begin with a segment.
const (
	newestEntry = "newest"  // the time of the newest record, when its segment was new
	evictEntry  = "evicted" // where the eviction goes on: a segment's begin, and its bucket as nanoseconds
)

// evictions bounds the entries that one record deletes.
const evictions = 64

// buckets are what a segment is divided into, by hash. The eviction begins where it
// ended, as what was deleted has to be passed over until the store has forgotten it,
// and a bucket is as precisely as a time can say where that is.
const buckets = 1 << 12

func newDeduper(p *pipeline.Processor, t pipeline.Table[time.Time], window time.Duration) deduper {
	return deduper{pipeline.Store(p, t), window}
}

// first notes a key and says whether it was not there.
func (d deduper) first(ctx *pipeline.Context, key string) bool {
	at := ctx.Timestamp()
	if d.window <= 0 {
		if _, ok := d.seen.Get(ctx, key); ok {
			return false
		}
		d.seen.Set(ctx, key, at)
		return true
	}
	n := d.segment(at)
	newest, known := d.seen.Get(ctx, newestEntry)
	if !known || n > d.segment(newest) {
		newest = at
		d.seen.Set(ctx, newestEntry, at)
	}
	oldest := d.segment(newest) - 2
	d.evict(ctx, oldest)
	if n < oldest {
		return true // too late to know
	}
	b := bucket(key)
	for _, s := range [...]int64{n, n - 1, n + 1} {
		if t, ok := d.seen.Get(ctx, segmentKey(s, b, key)); ok && at.Sub(t).Abs() < d.window {
			return false
		}
	}
	d.seen.Set(ctx, segmentKey(n, b, key), at)
	return true
}

func (d deduper) segment(at time.Time) int64 {
	w := d.window.Milliseconds()
	ms := at.UnixMilli()
	n := ms / max(w, 1)
	if ms < 0 {
		n--
	}
	return n
}

// begin is the time at which a segment begins.
func (d deduper) begin(segment int64) time.Time {
	return time.UnixMilli(segment * max(d.window.Milliseconds(), 1)).UTC()
}

// evict deletes some entries of the segments before the given one, into which
// nothing is written any more.
func (d deduper) evict(ctx *pipeline.Context, before int64) {
	from, known := d.seen.Get(ctx, evictEntry)
	if known && d.segment(from) >= before {
		return
	}
	start := ""
	if known {
		start = segmentKey(d.segment(from), uint32(from.Nanosecond()%int(time.Millisecond)), "")
	}
	n := 0
	for key := range d.seen.Range(ctx, start, segmentKey(before, 0, "")) {
		d.seen.Delete(ctx, key)
		if n++; n == evictions {
			if s, b, ok := splitSegment(key); ok {
				d.seen.Set(ctx, evictEntry, d.begin(s).Add(time.Duration(b)))
			}
			return
		}
	}
	d.seen.Set(ctx, evictEntry, d.begin(before))
}

// bucket is the same for a key in every process.
func bucket(key string) uint32 { return uint32(pipeline.FNV1a.Partition([]byte(key), buckets)) }

// segmentKey sorts by segment and bucket: sixteen and three hexadecimal digits,
// then the key.
func segmentKey(n int64, bucket uint32, key string) string {
	var b [10]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)^1<<63)
	binary.BigEndian.PutUint16(b[8:], uint16(bucket)<<4)
	return hex.EncodeToString(b[:])[:segmentDigits+bucketDigits] + key
}

const segmentDigits, bucketDigits = 16, 3

func splitSegment(key string) (n int64, bucket uint32, ok bool) {
	if len(key) < segmentDigits+bucketDigits {
		return 0, 0, false
	}
	b, err := hex.DecodeString(key[:segmentDigits+bucketDigits] + "0")
	if err != nil {
		return 0, 0, false
	}
	return int64(binary.BigEndian.Uint64(b) ^ 1<<63), uint32(binary.BigEndian.Uint16(b[8:]) >> 4), true
}

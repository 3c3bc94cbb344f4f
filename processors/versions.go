package processors

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Versions is a table of a processor's own that knows what each key had at a time:
// a versioned table of Kafka Streams (KIP-889). Its handle is used as that of
// pipeline.Store; JoinVersioned is built on it.
//
//	a      v1        v2      deleted     v3
//	───────┴─────────┴───────┴───────────┴───────▶ event time
//	AsOf: none   v1      v2       none       v3
//
// The history is how far back from the table's time, the greatest time of its
// writes in this partition, the answer is right. Older writes are refused; about
// older times only the latest version of a key is known, if it is older still.
//
// For each version in the history, and for the one before, there is a row of its
// key, its value and 13 bytes, and one of its key and 13 bytes that says when the
// versions before it may go. They are deleted as the table's time goes on, some
// with each write, without a look at other keys.
type Versions[V any] struct {
	rows    pipeline.KeyValue[version[V]]
	history int64 // ms
}

// version is a row: a value, a deletion, the table's time, or nothing.
type version[V any] struct {
	kind  versionKind
	ms    int64 // the table's time
	gone  int64 // before which nothing is left in the index
	value V
}

type versionKind byte

const (
	versionValue versionKind = iota
	versionDeleted
	versionTime
	versionIndex
)

// MarshalJSON is for views.
func (v version[V]) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case versionValue:
		return json.Marshal(v.value)
	case versionTime:
		return json.Marshal(time.UnixMilli(v.ms).UTC())
	}
	return []byte("null"), nil
}

// NewVersions declares a versioned table of the processor's own, in the topic name.
func NewVersions[V any](p *pipeline.Processor, name string, c codec.Codec[V], history time.Duration) Versions[V] {
	return newVersions(p, pipeline.NewTable(name, versionCodec(c)), history)
}

func newVersions[V any](p *pipeline.Processor, t pipeline.Table[version[V]], history time.Duration) Versions[V] {
	if history < 0 {
		p.Invalid("a history of %v: it must not be negative", history)
	}
	return Versions[V]{pipeline.Store(p, t), history.Milliseconds()}
}

// Put sets what a key has from a time on, until its next version. One of the same
// key and time is replaced. It says whether that is the key's latest version; ok
// is false for a write that is older than the history, which is refused.
func (t Versions[V]) Put(ctx *pipeline.Context, key string, v V, at time.Time) (latest, ok bool) {
	return t.put(ctx, key, at.UnixMilli(), version[V]{value: v})
}

// Delete sets that a key has nothing from a time on, until its next version;
// otherwise it is as Put.
func (t Versions[V]) Delete(ctx *pipeline.Context, key string, at time.Time) (latest, ok bool) {
	return t.put(ctx, key, at.UnixMilli(), version[V]{kind: versionDeleted})
}

// Get returns the latest version of a key and its time; ok is false where there is
// none, or it is a deletion.
func (t Versions[V]) Get(ctx *pipeline.Context, key string) (v V, from time.Time, ok bool) {
	return t.first(ctx, key, math.MaxInt64)
}

// AsOf returns what a key had at a time, and since when; ok is false where there
// was nothing, or the history does not reach back so far.
func (t Versions[V]) AsOf(ctx *pipeline.Context, key string, at time.Time) (v V, from time.Time, ok bool) {
	ms := at.UnixMilli()
	if oldest := t.oldest(ctx); ms < oldest {
		v, from, ok = t.first(ctx, key, math.MaxInt64)
		if ok && from.UnixMilli() <= ms {
			return v, from, true
		}
		var none V
		return none, time.Time{}, false
	}
	return t.first(ctx, key, ms)
}

// first returns the newest version that is not newer than a time.
func (t Versions[V]) first(ctx *pipeline.Context, key string, ms int64) (v V, from time.Time, ok bool) {
	for row, e := range t.rows.Range(ctx, versionRow(key, ms), versionEnd(key)) {
		if e.kind != versionValue {
			break
		}
		return e.value, time.UnixMilli(versionRowTime(row)).UTC(), true
	}
	return v, from, false
}

// oldest returns the begin of the history.
func (t Versions[V]) oldest(ctx *pipeline.Context) int64 {
	now, ok := t.rows.Get(ctx, versionTimeRow)
	if !ok {
		return math.MinInt64
	}
	return now.ms - t.history
}

func (t Versions[V]) put(ctx *pipeline.Context, key string, ms int64, v version[V]) (latest, ok bool) {
	old, known := t.rows.Get(ctx, versionTimeRow)
	if known && ms < old.ms-t.history {
		return false, false
	}
	now := old
	if !known {
		now = version[V]{kind: versionTime, ms: ms, gone: math.MinInt64}
	}
	now.ms = max(now.ms, ms)
	latest = true
	for row := range t.rows.Range(ctx, versionRow(key, math.MaxInt64), versionEnd(key)) {
		latest = versionRowTime(row) <= ms
		break
	}
	t.rows.Set(ctx, versionRow(key, ms), v)
	t.rows.Set(ctx, indexRow(key, ms), version[V]{kind: versionIndex})
	now.gone = t.evict(ctx, now.gone, now.ms-t.history)
	if !known || now.ms != old.ms || now.gone != old.gone {
		t.rows.Set(ctx, versionTimeRow, now)
	}
	return latest, true
}

// evict deletes versions that ended before a time: of some keys, those whose next
// version is the first to be that old. It begins where it ended, since what was
// deleted has to be passed over until the store has it, and returns where to begin.
func (t Versions[V]) evict(ctx *pipeline.Context, from, oldest int64) int64 {
	n := 0
	for row := range t.rows.Range(ctx, indexRow("", from), indexRow("", oldest+1)) {
		t.rows.Delete(ctx, row)
		key := indexKey(row)
		keep := true
		for v, e := range t.rows.Range(ctx, versionRow(key, oldest), versionEnd(key)) {
			if !keep || e.kind == versionDeleted {
				t.rows.Delete(ctx, v)
			}
			keep = false
		}
		if n++; n == evictions {
			return indexRowTime(row)
		}
	}
	return max(from, oldest) // one of that time may still come
}

// The rows of a table are the time, and for each version its row, newest first, and
// a row in the index, oldest first:
//
//	o
//	v | the key's length, 4 bytes | key | time, turned over, 8 bytes
//	i | time, 8 bytes | key
const versionTimeRow = "o"

func versionRow(key string, ms int64) string {
	b := make([]byte, 0, 1+4+len(key)+8)
	b = append(append(b, 'v'), joinPrefix(key)...)
	return string(binary.BigEndian.AppendUint64(b, ^(uint64(ms) ^ 1<<63)))
}

// versionEnd is the row after all of a key.
func versionEnd(key string) string { return versionRow(key, math.MinInt64) + "\x00" }

func versionRowTime(row string) int64 {
	return int64(^binary.BigEndian.Uint64([]byte(row[len(row)-8:])) ^ 1<<63)
}

func indexRow(key string, ms int64) string {
	b := make([]byte, 0, 1+8+len(key))
	return string(append(binary.BigEndian.AppendUint64(append(b, 'i'), uint64(ms)^1<<63), key...))
}

func indexKey(row string) string { return row[9:] }

func indexRowTime(row string) int64 {
	return int64(binary.BigEndian.Uint64([]byte(row[1:9])) ^ 1<<63)
}

// versionCodec encodes a byte that says what the row is, then the value or the
// time.
func versionCodec[V any](c codec.Codec[V]) codec.Codec[version[V]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("version of "+c.Name(), func(dst []byte, v version[V]) ([]byte, error) {
		dst = append(dst, byte(v.kind))
		switch v.kind {
		case versionValue:
			return c.Append(dst, v.value)
		case versionTime:
			return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.ms)), uint64(v.gone)), nil
		}
		return dst, nil
	}, func(b []byte) (v version[V], err error) {
		if len(b) == 0 || versionKind(b[0]) > versionIndex {
			return v, errRow
		}
		v.kind = versionKind(b[0])
		switch {
		case v.kind == versionValue:
			v.value, err = c.Decode(b[1:])
		case v.kind == versionTime && len(b) == 17:
			v.ms, v.gone = int64(binary.BigEndian.Uint64(b[1:])), int64(binary.BigEndian.Uint64(b[9:]))
		case v.kind == versionTime || len(b) > 1:
			err = errRow
		}
		return v, err
	})
}

package stages

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// expiry remembers when keys of a partition's state are due for a look. Time
// goes by the newest record of the partition. The index has one entry for each
// key and hour in which it is due.
type expiry struct{ index pipeline.KeyValue[int64] }

// newExpiry declares the index, a table of the processor.
func newExpiry(p *pipeline.Processor, table string) expiry {
	return expiry{pipeline.Store(p, pipeline.NewTable(table, codec.Int64()))}
}

// maxDue bounds the keys that one record deals with. It is more than a record
// adds, so the work does not pile up.
const maxDue = 32

// The entries about the partition itself sort behind the hours, which are
// hexadecimal digits.
const (
	clockEntry = "~clock" // the newest record's time in milliseconds
	moreEntry  = "~more"  // there is more to do for this hour; the hour of what was done last
)

// note makes a key due at a time, in addition to when it is already.
func (e expiry) note(ctx *pipeline.Context, key string, at time.Time) {
	key = hourKey(hour(at)+1) + key
	if _, ok := e.index.Get(ctx, key); !ok {
		e.index.Set(ctx, key, at.UnixMilli())
	}
}

// forget takes back what note did with the same arguments.
func (e expiry) forget(ctx *pipeline.Context, key string, at time.Time) {
	e.index.Delete(ctx, hourKey(hour(at)+1)+key)
}

// due returns keys that have become due, some at each call, and forgets them.
func (e expiry) due(ctx *pipeline.Context) (keys []string, now time.Time) {
	from := ""
	ms, known := e.index.Get(ctx, clockEntry)
	now = time.UnixMilli(ms).UTC()
	if at := ctx.Timestamp(); !known || hour(at) > hour(now) {
		now = at
		e.index.Set(ctx, clockEntry, at.UnixMilli())
	} else if last, more := e.index.Get(ctx, moreEntry); !more {
		return nil, now
	} else {
		from = hourKey(last) // what is before is deleted, which costs as much to pass over as entries do
	}
	var entries []string
	for entry := range e.index.Range(ctx, from, hourKey(hour(now)+1)) {
		if entries = append(entries, entry); len(entries) == maxDue {
			break
		}
	}
	for _, entry := range entries {
		e.index.Delete(ctx, entry)
		keys = append(keys, entry[hourDigits:])
	}
	if len(entries) == maxDue {
		e.index.Set(ctx, moreEntry, hourOf(entries[maxDue-1]))
	} else {
		e.index.Delete(ctx, moreEntry)
	}
	return keys, now
}

func hour(t time.Time) int64 { return t.Unix() / 3600 }

const hourDigits = 16

// hourOf is the hour that an entry begins with, 0 for what begins with none.
func hourOf(entry string) int64 {
	n, err := strconv.ParseUint(entry[:min(len(entry), hourDigits)], 16, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}

func hourKey(n int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(n, 0)))
	return hex.EncodeToString(b[:])
}

package memory

import (
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// partitionLog is a partition's log.
type partitionLog struct{ entries []entry }

// entry is what lies at an offset: a record, or the marker that ends a
// transaction, which no reader gets.
type entry struct {
	r  *transport.Record // nil: a marker
	tx *transaction      // nil: outside of any
}

func (p *partitionLog) end() int64 { return int64(len(p.entries)) }

// read returns the committed records from an offset on, and the offset after
// the last that was looked at. It stops before the first record of a
// transaction that is open, and after max bytes of keys and values, but not
// before the first record; a negative max is no bound.
func (p *partitionLog) read(from int64, max int) (records []*transport.Record, next int64) {
	size := 0
	for next = from; next < p.end(); next++ {
		e := p.entries[next]
		if e.tx != nil && e.tx.open() {
			break
		}
		if e.r == nil || e.tx != nil && !e.tx.committed() {
			continue
		}
		if size += len(e.r.Key) + len(e.r.Value); max >= 0 && len(records) > 0 && size > max {
			break
		}
		records = append(records, e.r)
	}
	return records, next
}

// at returns the offset of the first record at or after a time.
func (p *partitionLog) at(t time.Time) int64 {
	for i, e := range p.entries {
		if e.r != nil && !e.r.Timestamp.Before(t) {
			return int64(i)
		}
	}
	return p.end()
}

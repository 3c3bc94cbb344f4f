package memory

import (
	"sort"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// partitionLog is a partition's log.
type partitionLog struct {
	entries []entry             // by offset, with gaps where something was forgotten
	next    int64               // the offset after the last
	limit   int                 // how many entries there may be before something is forgotten; 0: any number
	readers map[*int64]struct{} // positions of those who follow it
}

// entry is what lies at an offset: a record, or the marker that ends a
// transaction, which no reader gets.
type entry struct {
	offset int64
	r      *transport.Record // nil: a marker
	tx     *transaction      // nil: outside of any
}

func (p *partitionLog) end() int64 { return p.next }

// append appends a record, or a marker.
func (p *partitionLog) append(r *transport.Record, tx *transaction) {
	p.entries = append(p.entries, entry{p.next, r, tx})
	p.next++
}

// index is where the first entry at or after an offset is.
func (p *partitionLog) index(offset int64) int {
	if int64(len(p.entries)) == p.next { // nothing is forgotten
		return int(min(offset, p.next))
	}
	return sort.Search(len(p.entries), func(i int) bool { return p.entries[i].offset >= offset })
}

// read returns the committed records from an offset on, and the offset after
// the last that was looked at. It stops before the first record of a
// transaction that is open, and after max bytes of keys and values, but not
// before the first record; a negative max is no bound.
func (p *partitionLog) read(from int64, max int) (records []*transport.Record, next int64) {
	size := 0
	for _, e := range p.entries[p.index(from):] {
		if e.tx != nil && e.tx.open() {
			return records, e.offset
		}
		if !e.committed() {
			continue
		}
		if size += len(e.r.Key) + len(e.r.Value); max >= 0 && len(records) > 0 && size > max {
			return records, e.offset
		}
		records = append(records, e.r)
	}
	return records, p.next
}

// committed says whether readers get the entry's record.
func (e entry) committed() bool { return e.r != nil && (e.tx == nil || e.tx.committed()) }

// at returns the offset of the first record at or after a time.
func (p *partitionLog) at(t time.Time) int64 {
	for _, e := range p.entries {
		if e.r != nil && !e.r.Timestamp.Before(t) {
			return e.offset
		}
	}
	return p.next
}

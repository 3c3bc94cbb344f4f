package pipeline

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// Record is a record of a topic or an entry of a table with its type
// forgotten: what tests send and expect.
type Record struct {
	topic   string
	table   bool
	key     string
	unkeyed bool
	value   any
	deleted bool
	at      time.Time
	headers []Header
	pinned  bool // to a partition
	to      int32
	by      partition.By
	encode  func() ([]byte, error)
	decode  func([]byte) (any, error)
}

// Record makes a record of the topic.
func (t Topic[V]) Record(key string, v V) Record { return t.record(key, v, false) }

// Tombstone makes a record without a value.
func (t Topic[V]) Tombstone(key string) Record { return t.gone(key, false) }

// Row makes an entry of the table.
func (t Table[V]) Row(key string, v V) Record { return t.record(key, v, true) }

// Deleted makes the deletion of an entry of the table; as an expectation, the
// entry is not there.
func (t Table[V]) Deleted(key string) Record { return t.gone(key, true) }

func (d def[V]) record(key string, v V, table bool) Record {
	return Record{topic: d.topic(), table: table, key: key, value: v, by: d.partitioner(),
		encode: func() ([]byte, error) { return d.encode(v) },
		decode: d.any}
}

func (d def[V]) gone(key string, table bool) Record {
	return Record{topic: d.topic(), table: table, key: key, deleted: true, decode: d.any, by: d.partitioner(),
		encode: func() ([]byte, error) { return nil, nil }}
}

func (d def[V]) any(b []byte) (any, error) { return d.codec.Decode(b) }

// At returns the record with a time. Without one it gets that of the driver's
// clock.
func (r Record) At(t time.Time) Record { r.at = t; return r }

// Unkeyed returns the record without a key.
func (r Record) Unkeyed() Record { r.unkeyed, r.key = true, ""; return r }

// With returns the record with a header.
func (r Record) With(name string, value []byte) Record {
	r.headers = append(r.headers[:len(r.headers):len(r.headers)], Header{name, value})
	return r
}

// To returns the record for a partition, whatever its key.
func (r Record) To(partition int) Record { r.pinned, r.to = true, int32(partition); return r }

// Topic returns the name of the topic or table.
func (r Record) Topic() string { return r.topic }

// Key returns the key.
func (r Record) Key() string { return r.key }

// Time returns the time, zero if none was set.
func (r Record) Time() time.Time { return r.at }

// IsRow says whether it is an entry of a table.
func (r Record) IsRow() bool { return r.table }

// Decode decodes a value of the same topic; nil bytes are nil.
func (r Record) Decode(b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	return r.decode(b)
}

// Value returns the value, nil for a deletion.
func (r Record) Value() any {
	if r.deleted {
		return nil
	}
	return r.value
}

func (r Record) String() string {
	return fmt.Sprintf("%s[%q] = %+v", r.topic, r.key, r.Value())
}

// In returns the record for the partition of n that its topic's partitioner
// chooses for its key, unless it is for one already. It is for the packages of
// this module, such as the test driver, and not part of the API.
func (r Record) In(n int32) Record {
	if r.pinned || r.unkeyed || r.by == "" || n < 1 {
		return r
	}
	return r.To(int(r.by.Partition(raw(r.key), n)))
}

// Encoded returns the record as the transport sends it. It is for the packages
// of this module, such as the test driver, and not part of the API.
func (r Record) Encoded() (*transport.Record, error) {
	b, err := r.encode()
	if err != nil {
		return nil, fmt.Errorf("topic %s, key %q: encode: %w", r.topic, r.key, err)
	}
	tr := &transport.Record{Topic: r.topic, Value: b, Timestamp: r.at, Headers: transportHeaders(r.headers)}
	if !r.unkeyed {
		tr.Key = raw(r.key)
	}
	if r.pinned {
		tr.Partition = transport.ToPartition(r.to)
	}
	return tr, nil
}

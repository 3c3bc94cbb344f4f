package pipelinetest

import (
	"time"

	"github.com/millrace/millrace/pipeline"
)

// Message is a record that came out of a topology.
type Message[V any] struct {
	Key     string
	Value   V
	Deleted bool // it has no value
	Unkeyed bool // it has no key, which is not the same as an empty one
	Time    time.Time
	Headers []pipeline.Header
}

// Read returns the records of a topic that neither Read nor Expect has returned
// before.
func Read[V any](d *Driver, topic pipeline.Topic[V]) (ms []Message[V]) {
	d.t.Helper()
	zero := topic.Tombstone("")
	for _, r := range d.unseen(topic.Name()) {
		m := Message[V]{Key: string(r.Key), Deleted: r.Value == nil, Unkeyed: r.Key == nil, Time: r.Timestamp.UTC()}
		if !m.Deleted {
			v, err := zero.Decode(r.Value)
			if err != nil {
				d.t.Fatalf("topic %s, key %q: %v", topic.Name(), r.Key, err)
			}
			m.Value = v.(V)
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, pipeline.Header{Name: h.Key, Value: h.Value})
		}
		ms = append(ms, m)
	}
	return ms
}

// Rows returns the entries of a table.
func Rows[V any](d *Driver, table pipeline.Table[V]) map[string]V {
	d.t.Helper()
	rows, zero := map[string]V{}, table.Deleted("")
	for _, r := range d.all(table.Name()) {
		if r.Value == nil {
			delete(rows, string(r.Key))
			continue
		}
		v, err := zero.Decode(r.Value)
		if err != nil {
			d.t.Fatalf("table %s, key %q: %v", table.Name(), r.Key, err)
		}
		rows[string(r.Key)] = v.(V)
	}
	return rows
}

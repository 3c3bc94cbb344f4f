package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/pipeline/codec"
)

// Topic is a stream of keyed values of one type. Its name is the name of the
// Kafka topic.
type Topic[V any] struct{ def[V] }

// Table is the newest value of each key: a processor's state, or a compacted
// topic that is written from outside. Its name is the name of the Kafka topic
// that holds it, which is the changelog of the processor that owns it.
type Table[V any] struct{ def[V] }

// def is what topics and tables have in common.
type def[V any] struct {
	name  string
	codec codec.Codec[V]
	opts  *topicOptions
	clone func(V) V
	timed func(V) (time.Time, error)

	internal *internalName // of one that carries the topology's name; else nil
}

type topicOptions struct {
	graph.TopicOptions
	problems []string
}

// TopicOption says what a topic shall be like. Options of a topic that exists
// are checked when a topology starts, and all that differs is reported at once.
type TopicOption func(*topicOptions)

// Partitions sets the number of partitions. By default it is that of the
// co-partitioned topics that exist, else Config.Partitions.
func Partitions(n int) TopicOption {
	return func(o *topicOptions) {
		switch {
		case n < 1:
			o.problems = append(o.problems, fmt.Sprintf("%d partitions: at least one is needed", n))
		case n > math.MaxInt32:
			o.problems = append(o.problems, fmt.Sprintf("%d partitions: that is too many", n))
		}
		o.TopicOptions.Partitions = int32(n)
	}
}

// Replication sets the replication factor. By default it is
// Config.Replication.
func Replication(n int) TopicOption {
	return func(o *topicOptions) {
		switch {
		case n < 1:
			o.problems = append(o.problems, fmt.Sprintf("replication factor %d: at least one is needed", n))
		case n > math.MaxInt16:
			o.problems = append(o.problems, fmt.Sprintf("replication factor %d: that is too many", n))
		}
		o.TopicOptions.Replication = int16(n)
	}
}

// Retention sets how long records are kept. By default it is the cluster's.
func Retention(d time.Duration) TopicOption {
	return func(o *topicOptions) {
		if d <= 0 {
			o.problems = append(o.problems, fmt.Sprintf("retention %v: it must be positive; use TopicConfig to keep records for ever", d))
		}
		o.set("retention.ms", strconv.FormatInt(d.Milliseconds(), 10))
	}
}

// Compacted keeps the newest record of each key, for ever. Tables are
// compacted anyway.
func Compacted() TopicOption {
	return func(o *topicOptions) { o.set("cleanup.policy", "compact") }
}

// Partitioner names how a record's partition is chosen from its key.
type Partitioner = partition.By

// The partitioners of Kafka's clients.
const (
	// Murmur2 is that of the Java client, of Kafka Streams, of franz-go, and
	// the default here; librdkafka calls it murmur2_random.
	Murmur2 = partition.Murmur2
	// FNV1a is the default of sarama, and so of goka.
	FNV1a = partition.FNV1a
	// CRC32 is the default of librdkafka and its bindings, which call it
	// consistent_random.
	CRC32 = partition.CRC32
)

// PartitionedBy says how those who write the topic choose partitions, which
// topics of other clients' making need: default Murmur2. What this framework
// writes to the topic goes to the same partitions, lookups and queries look
// there, and a join of topics that are partitioned in different ways is
// refused at start. A table that a processor owns and a loop follow the
// processor's inputs.
//
// Windowed keys are partitioned by the key without its window, where
// processors.Window writes them and where Kafka Streams does: a topic of them that
// others write is declared with Murmur2.Window(), or with Murmur2.Session() if they
// are of sessions.
func PartitionedBy(p Partitioner) TopicOption {
	return func(o *topicOptions) {
		if err := p.Check(); err != nil {
			o.problems = append(o.problems, err.Error())
		}
		o.TopicOptions.Partitioner = p
	}
}

// TopicConfig sets a configuration entry of the topic by Kafka's name for it.
func TopicConfig(name, value string) TopicOption {
	return func(o *topicOptions) { o.set(name, value) }
}

func (o *topicOptions) set(name, value string) {
	if o.Config == nil {
		o.Config = map[string]string{}
	}
	o.Config[name] = value
}

// NewTopic declares a topic.
func NewTopic[V any](name string, c codec.Codec[V], opts ...TopicOption) Topic[V] {
	return Topic[V]{newDef(name, c, opts)}
}

// NewTable declares a table.
func NewTable[V any](name string, c codec.Codec[V], opts ...TopicOption) Table[V] {
	return Table[V]{newDef(name, c, opts)}
}

func newDef[V any](name string, c codec.Codec[V], opts []TopicOption) def[V] {
	d := def[V]{name: name, codec: c, opts: &topicOptions{}}
	for _, o := range opts {
		o(d.opts)
	}
	return d
}

// Clone returns the table with a function that copies a value. Get then
// returns copies, which the handler may change; without it the values are
// shared and must not be changed in place.
func (t Table[V]) Clone(copy func(V) V) Table[V] {
	t.clone = copy
	return t
}

// TimedBy returns the topic with the event time of its records, which is in their
// values: Context.Timestamp and all that goes by time follow it, and what is
// emitted carries it on. Without it the event time is the record's timestamp. An
// error fails the record as one of its codec does. Processors that have several
// inputs still take them in the order of the timestamps.
func (t Topic[V]) TimedBy(at func(v V) (time.Time, error)) Topic[V] {
	t.timed = at
	return t
}

// borrows says whether decoded values are part of the bytes that they came in; see
// codec.Raw.
func (d def[V]) borrows() bool {
	b, ok := d.codec.(interface{ Borrows() bool })
	return ok && b.Borrows()
}

func (d def[V]) partitioner() partition.By {
	if d.opts == nil {
		return ""
	}
	return d.opts.Partitioner
}

// Name returns the name.
func (d def[V]) Name() string { return d.topic() }

// Ref is any Topic or Table, its value type forgotten.
type Ref interface {
	// Name returns the name.
	Name() string
	definition() definition
}

// definition is a topic or table for the untyped parts.
type definition struct {
	graph.Ref
	problems []string
	lookup   graph.Lookup
	render   func([]byte) (json.RawMessage, error)
	check    func(ctx context.Context, writes bool) error // of the codec; nil if it has none
	internal *internalName
}

func (t Topic[V]) definition() definition { return t.untyped(graph.Stream) }

func (t Table[V]) definition() definition {
	d := t.untyped(graph.Table)
	if t.borrows() {
		d.problems = append(d.problems[:len(d.problems):len(d.problems)], "its codec borrows the bytes of records, which a store does not keep: use codec.Bytes")
	}
	return d
}

func (d def[V]) ref(k graph.Kind) graph.Ref {
	r := graph.Ref{Name: d.topic(), Kind: k, Type: reflect.TypeFor[V](), Internal: d.internal != nil && d.internal.full == ""}
	if d.codec != nil {
		r.Codec = d.codec.Name()
	}
	if d.opts != nil {
		o := d.opts.TopicOptions
		o.Config = maps.Clone(o.Config)
		r.Topic = &o
	}
	return r
}

func (d def[V]) untyped(k graph.Kind) definition {
	u := definition{Ref: d.ref(k), render: d.json, check: checker(d.codec), internal: d.internal}
	if d.opts != nil {
		u.problems = d.opts.problems
	}
	u.lookup = graph.Lookup{Ref: u.Ref, Open: openReplica(d)}
	return u
}

// json renders an encoded value for people: as it is when it is JSON, else by
// its type.
func (d def[V]) json(b []byte) (json.RawMessage, error) {
	if json.Valid(b) && d.codec.Name() == "json" {
		return bytes.Clone(b), nil // the iterator's, which goes on
	}
	v, err := d.decode(b)
	if err != nil {
		return nil, err
	}
	if raw, ok := any(v).([]byte); ok && utf8.Valid(raw) {
		return json.Marshal(string(raw))
	}
	return json.Marshal(v)
}

// Package graph is a topology with its types forgotten: what package pipeline
// builds from typed handles, and what package engine runs. It is the border
// between the two, so that neither imports the other.
package graph

import (
	"cmp"
	"reflect"
	"time"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/storage"
)

// Kind says what a name stands for.
type Kind int

const (
	Stream Kind = iota // a topic of records
	Table              // the newest value of each key, in a compacted topic
)

func (k Kind) String() string {
	if k == Table {
		return "table"
	}
	return "topic"
}

// Ref names a topic or a table, with all that must agree wherever it is used.
// Refs of one topic compare equal.
type Ref struct {
	Name  string
	Kind  Kind
	Type  reflect.Type
	Codec string // the codec's name; empty: none was given
	Topic *TopicOptions
	// Internal says that the name is to be put after the topology's, which is not
	// known yet.
	Internal bool
}

// TopicOptions are what a topic shall be like. The zero value of a field
// leaves it to the cluster or to the run's configuration.
type TopicOptions struct {
	Partitions  int32
	Replication int16
	Config      map[string]string // Kafka's names, such as retention.ms
	Partitioner partition.By      // of all who write the topic
}

// Merge returns what two uses of a topic want of it together, and whether they
// agree. One of them may leave the partitioner to the other: an operator knows
// how its topic is partitioned where the declaration does not say. Uses that do
// not agree give the first, with its partitioner or else the other's. Neither is
// changed. Nil, of a topic without options, leaves all to the other.
func (o *TopicOptions) Merge(other *TopicOptions) (merged *TopicOptions, agree bool) {
	if o == nil || other == nil {
		return cmp.Or(o, other), true
	}
	a, b := *o, *other
	if a.Partitioner == "" {
		a.Partitioner = b.Partitioner
	}
	if b.Partitioner == "" {
		b.Partitioner = a.Partitioner
	}
	return &a, reflect.DeepEqual(a, b)
}

// Input is a topic that a processor reads, with its handler.
type Input struct {
	Ref     Ref
	Changes bool // the input is a table's changes
	Handle  Handler
	// Ahead makes what begins work for records before they are handled, for one
	// task; nil: nothing does.
	Ahead func(*Task) Ahead
	// Order is that of the records with Ahead. In any but that of the partition,
	// records overtake others that are up to Span offsets before them.
	Order Order
	Span  int
}

// State is a table that a processor owns.
type State struct {
	Ref  Ref
	Open func(table.Options) table.State
	// Primary marks the state at the records' own keys.
	Primary bool
	// Timers marks the state that holds timers.
	Timers bool
}

// Lookup is a table that a processor only reads.
type Lookup struct {
	Ref  Ref
	Open func(name string, store storage.Reader) table.Mirror
	Wait Wait // for joins
}

// Processor is one step: inputs, handlers, state.
type Processor struct {
	Name    string
	Inputs  []Input // at most one for a topic
	Outputs []Ref
	Joins   []Lookup // co-partitioned with the inputs, read at any key of the partition
	Lookups []Lookup // whole tables
	States  []State
	Loop    *Input // its Ref.Name is empty: the engine names the topic

	// Timers are the processor's timers; nil: it has none.
	Timers *Timers

	// Overtaking keeps what was handled out of order; nil: no input has an Order.
	Overtaking *Overtaking

	// DeadLetters names the output that is the dead-letter topic; empty: none.
	DeadLetters string

	// Failed decides what becomes of a record whose handler failed, after the
	// attempt-th time, from 1 on. It may stage effects, such as a dead letter.
	// Without it a failure stops the run.
	Failed func(t *Task, r *Record, err error, attempt int) Decision
}

// Decision is what becomes of a record that failed.
type Decision struct {
	Verdict Verdict
	Wait    time.Duration // of Retry
	Err     error         // the failure, as it is to be told
}

// Verdict is the kind of a Decision.
type Verdict int

const (
	Stop       Verdict = iota // the run ends before the record
	Restart                   // the processor starts again, before the record
	Retry                     // the record is handled again, after Wait
	DeadLetter                // the record is dealt with: a dead letter is staged
	Skip                      // the record is dealt with: it is left out
)

func (v Verdict) String() string {
	return [...]string{"stop", "restart", "retry", "dead letter", "skip"}[v]
}

// Topology is a set of processors, validated before it gets here.
type Topology struct {
	Name       string            // of the application: groups, loops and state folders carry it
	Names      map[string]string // on the cluster, of topics and tables that have another there
	Sources    []Ref
	Sinks      []Ref
	Processors []*Processor
}

// Owner returns the processor whose state the table is, or nil.
func (t *Topology) Owner(name string) *Processor {
	for _, p := range t.Processors {
		for _, s := range p.States {
			if s.Ref.Name == name {
				return p
			}
		}
	}
	return nil
}

// OnCluster returns the name of a topic or table on the cluster.
func (t *Topology) OnCluster(name string) string {
	if n, ok := t.Names[name]; ok {
		return n
	}
	return name
}

// Group returns the consumer group of a processor.
func (t *Topology) Group(p *Processor) string { return t.Name + "-" + p.Name }

// LoopTopic returns the topic of a processor's loop.
func (t *Topology) LoopTopic(p *Processor) string { return t.Name + "-" + p.Name + "-loop" }

package pipeline

import (
	"github.com/millrace/millrace/pipeline/codec"
)

// What follows is for functions that build processors of what their caller
// declared, as those of package processors do.

// Invalid adds to what Topology.Validate reports of the processor, as an
// ErrConfig: a wrong argument of the function that builds it.
func (p *Processor) Invalid(format string, args ...any) { p.bad(ErrConfig, format, args...) }

// Codec returns the codec of the values.
func (d def[V]) Codec() codec.Codec[V] { return d.codec }

// Partitioner returns how records are partitioned, as PartitionedBy said, else
// Murmur2.
func (d def[V]) Partitioner() Partitioner { return d.partitioner().Or(Murmur2) }

// OrPartitionedBy returns the topic with a partitioner, unless it is declared with
// one: for an operator that knows what its keys are made of. All of the topology
// that declares nothing else follows.
func (t Topic[V]) OrPartitionedBy(by Partitioner) Topic[V] { return Topic[V]{t.orPartitionedBy(by)} }

// OrPartitionedBy is that of a topic. The table's owner keeps it where its inputs
// are: there Window and Session of the zero Partitioner say what its keys have
// beside those of the inputs.
func (t Table[V]) OrPartitionedBy(by Partitioner) Table[V] { return Table[V]{t.orPartitionedBy(by)} }

func (d def[V]) orPartitionedBy(by Partitioner) def[V] {
	if d.opts != nil && d.opts.Partitioner == "" {
		o := *d.opts
		PartitionedBy(by)(&o)
		d.opts = &o
	}
	return d
}

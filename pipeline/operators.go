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

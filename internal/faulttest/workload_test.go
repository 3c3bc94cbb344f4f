//go:build kafka

package faulttest

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

const partitions = 5

// workload is a topology, and what must have come of it.
type workload interface {
	topology() *pipeline.Topology
	// name is that of the topology, and of nothing else on the cluster.
	name() string
	// input is the topic of what is sent.
	input() string
	// processors are the topics that each processor reads.
	processors() map[string][]string
	// verify compares what came out with what went in.
	verify(ctx context.Context, x *run) figures
}

// resting is a workload that goes on after all its input is committed.
type resting interface {
	// rest waits until it has come to rest.
	rest(ctx context.Context, x *run)
}

// newWorkload returns a workload with topics of its own.
func newWorkload(name, prefix string) (workload, error) {
	switch name {
	case "smoke":
		return newSmoke(prefix), nil
	case "eos":
		return newEOS(prefix, false), nil
	case "eos-hop":
		return newEOS(prefix, true), nil
	}
	return nil, fmt.Errorf("no workload %q", name)
}

func topicOf[V any](prefix, name string, c codec.Codec[V]) pipeline.Topic[V] {
	return pipeline.NewTopic(prefix+"."+name, c, pipeline.Partitions(partitions))
}

func tableOf[V any](prefix, name string, c codec.Codec[V]) pipeline.Table[V] {
	return pipeline.NewTable(prefix+".table."+name, c, pipeline.Partitions(partitions))
}

// figures are what a verification counted.
type figures struct {
	records    int // that went in
	compared   int // that came out and were compared
	lost       int
	duplicates int
}

func (f *figures) add(o figures) {
	f.compared += o.compared
	f.lost += o.lost
	f.duplicates += o.duplicates
}

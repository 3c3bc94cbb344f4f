package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/partition"
)

// A class of co-partitioned topics needs one partitioner as well as one number
// of partitions: else a record and the state or the table's entry of its key
// are in different partitions. Changelogs and loops are written by the engine,
// and follow the inputs unless their declaration says something else, which is
// an error then.

// partitioned returns an error if the class has several partitioners.
func (p *topicPlan) partitioned(class *copartitioned) *TopicError {
	by := map[partition.By]bool{}
	var known []string
	for _, name := range class.topics {
		t := p.topics[name]
		if t.follows() {
			continue
		}
		b := t.want.Partitioner.Or(partition.Murmur2)
		by[b] = true
		known = append(known, fmt.Sprintf("%s by %s", name, b))
	}
	if len(by) < 2 {
		return nil
	}
	slices.Sort(class.processors)
	return &TopicError{class.topics[0], fmt.Sprintf("keys are not partitioned as in the other inputs, joins and tables of processor %s: %s. "+
		"Declare the partitioner of those who write each topic, and repartition what differs through a topic of its own, as processors.Repartition does",
		strings.Join(slices.Compact(class.processors), " and "), strings.Join(known, ", "))}
}

// follows says whether the topic is partitioned as the rest of its class is.
func (t *plannedTopic) follows() bool { return t.want.Partitioner == "" && (t.owned || t.loop) }

// partitioner returns a topic's partitioner; empty for Java's.
func (p *topicPlan) partitioner(name string) partition.By {
	t := p.topics[name]
	if t == nil {
		return ""
	}
	by := t.want.Partitioner
	if t.follows() {
		for _, other := range t.class.topics {
			by = by.Or(p.topics[other].want.Partitioner)
		}
	}
	if by == partition.Murmur2 {
		return ""
	}
	return by
}

package engine

import (
	"fmt"
	"maps"
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
	for _, ours := range []bool{false, true} { // those of others first
		for _, name := range class.topics {
			t := p.topics[name]
			if t.owned != ours || t.follows() {
				continue
			}
			b := t.want.Partitioner.Or(partition.Murmur2)
			known = append(known, fmt.Sprintf("%s by %s", name, b))
			if ours && slices.ContainsFunc(slices.Collect(maps.Keys(by)), b.Of) {
				continue // what a processor keeps of windows is where their keys are
			}
			by[b] = true
		}
	}
	if len(by) < 2 {
		return nil
	}
	slices.Sort(class.processors)
	return &TopicError{class.topics[0], fmt.Sprintf("keys are not partitioned as in the other inputs, joins and tables of processor %s: %s. "+
		"Declare the partitioner of those who write each topic, and repartition what differs through a topic of its own, as processors.Repartition does",
		strings.Join(slices.Compact(class.processors), " and "), strings.Join(known, ", "))}
}

// follows says whether the topic is partitioned as the rest of its class is: by
// the inputs' keys, which may have windows besides.
func (t *plannedTopic) follows() bool { return t.want.Partitioner.Open() && (t.owned || t.loop) }

// partitioner returns a topic's partitioner; empty for Java's.
func (p *topicPlan) partitioner(name string) partition.By {
	t := p.topics[name]
	if t == nil {
		return ""
	}
	by := t.want.Partitioner
	if t.follows() {
		for _, name := range t.class.topics {
			if other := p.topics[name]; !other.owned && other.want.Partitioner != "" {
				by = by.Or(other.want.Partitioner)
				break
			}
		}
	}
	if by == partition.Murmur2 {
		return ""
	}
	return by
}

package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/murmur2"
)

// spreadRun is how many records without a key go to one partition before the
// next has its turn: enough to fill batches, few enough to spread.
const spreadRun = 16

// partitioner chooses partitions as the transport's interface says: explicit
// topics' records carry their own, others go where Java's default partitioner
// would put their key, and those without a key are spread. An empty key is a
// key.
//
// The choice is among all of a topic's partitions, not among those that have a
// leader just now: a key's partition never changes.
func partitioner(explicit []string) kgo.Partitioner {
	fixed := make(map[string]bool, len(explicit))
	for _, t := range explicit {
		fixed[t] = true
	}
	return kgo.BasicConsistentPartitioner(func(topic string) func(*kgo.Record, int) int {
		if fixed[topic] {
			// One that is out of range is franz-go's error for the record.
			return func(r *kgo.Record, _ int) int { return int(r.Partition) }
		}
		spread := 0 // franz-go calls for one record of a topic at a time
		return func(r *kgo.Record, n int) int {
			if r.Key == nil {
				p := spread / spreadRun % n
				spread++
				return p
			}
			return int(murmur2.Partition(r.Key, int32(n)))
		}
	})
}

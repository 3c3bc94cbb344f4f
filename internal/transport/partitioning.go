package transport

import (
	"slices"

	"github.com/millrace/millrace/internal/partition"
)

// Partitioning says to which partitions a producer's records go. A record
// whose Partition is [ToPartition] of a partition goes there; others go to the
// partition that their topic's partitioner chooses for their key, and those
// without a key are spread.
type Partitioning struct {
	// Explicit names the topics whose records carry their partition as it is.
	Explicit []string
	// By names the partitioner of topics that have another than Java's
	// (murmur2).
	By map[string]partition.By
	// Spread is how records without a key are spread.
	Spread Spread
}

// Spread is how records without a key are spread over the partitions.
type Spread int

const (
	SpreadRuns       Spread = iota // some records to one partition, the next to another
	SpreadRoundRobin               // each record to the next partition
	SpreadSticky                   // to one partition until its batch is sent (KIP-480)
)

// ToPartition marks a partition as the one that a record must go to: the
// negative -1-p, as 0 is that of records which say nothing.
func ToPartition(p int32) int32 { return ^p }

// Fixed returns the partition that a record must go to, if it says so.
func (p Partitioning) Fixed(r *Record) (int32, bool) {
	switch {
	case slices.Contains(p.Explicit, r.Topic):
		return r.Partition, true
	case r.Partition < 0:
		return ^r.Partition, true
	}
	return 0, false
}

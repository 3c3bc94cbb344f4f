package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// spreadRun is how many records without a key go to one partition before the
// next has its turn: enough to fill batches, few enough to spread.
const spreadRun = 16

// partitioner chooses partitions as transport.Partitioning says. An empty key
// is a key, except to librdkafka.
//
// The choice is among all of a topic's partitions, not among those that have a
// leader just now: a key's partition never changes.
type partitioner struct{ transport.Partitioning }

// ForTopic implements kgo.Partitioner. franz-go calls a topic's partitioner for
// one record at a time.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	tp := &topicPartitioner{fixed: slices.Contains(p.Explicit, topic), by: p.By[topic], run: spreadRun}
	switch p.Spread {
	case transport.SpreadRoundRobin:
		tp.run = 1
	case transport.SpreadSticky:
		return &stickyPartitioner{topicPartitioner: tp}
	}
	return tp
}

type topicPartitioner struct {
	fixed  bool // records carry their partition
	by     partition.By
	run    int
	spread int // records without a key so far
}

// RequiresConsistency implements kgo.TopicPartitioner.
func (*topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

// Partition implements kgo.TopicPartitioner. One that is out of range is
// franz-go's error for the record.
func (t *topicPartitioner) Partition(r *kgo.Record, n int) int {
	switch {
	case t.fixed:
		return int(r.Partition)
	case r.Partition < 0:
		return int(^r.Partition)
	case t.by.Spreads(r.Key):
		p := t.spread / t.run % n
		t.spread++
		return p
	}
	return int(t.by.Partition(r.Key, int32(n)))
}

// stickyPartitioner stays with a partition until its batch is full or sent.
//
// franz-go asks for a record's partition again, after OnNewBatch, if the record
// would begin a batch; it has written its first answer into the record by then.
type stickyPartitioner struct {
	*topicPartitioner
	choice int // for the last record that was not spread; -1 if it was
	again  bool
}

// OnNewBatch implements kgo.TopicPartitionerOnNewBatch.
func (t *stickyPartitioner) OnNewBatch() {
	t.again = true
	if t.choice < 0 {
		t.spread++
	}
}

// Partition implements kgo.TopicPartitioner.
func (t *stickyPartitioner) Partition(r *kgo.Record, n int) int {
	again := t.again
	t.again = false
	switch {
	case again && t.choice >= 0:
		return t.choice
	case again || !t.fixed && r.Partition >= 0 && t.by.Spreads(r.Key):
		t.choice = -1
		return t.spread % n
	}
	t.choice = t.topicPartitioner.Partition(r, n)
	return t.choice
}

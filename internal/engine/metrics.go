package engine

import (
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Metrics are hooks that are called as things happen; each may be nil. They
// must be safe for concurrent use and return at once. None is called for each
// record but RecordFailed.
type Metrics struct {
	Handled      func(HandledStats)
	Committed    func(CommitStats)
	Restoring    func(RestoreStats)
	RecordFailed func(processor string, r *transport.Record, err error) // at every attempt
	// Decided tells what becomes of a record that failed, after RecordFailed.
	Decided     func(processor string, r *transport.Record, d graph.Decision)
	Rebalanced  func(processor string)
	HandlerHung func(h *HangError) // once for each call of a handler that hangs
	Restarted   func(processor string, err error)
	// Aborted tells that a transaction was aborted in place, and why.
	Aborted func(processor string, err error)
	// Promoted tells that a partition was opened with the stores of its standby.
	Promoted func(processor string, partition int32)
}

// HandledStats describe a run of records of one input that were handled
// without a pause, or of timers that fired.
type HandledStats struct {
	Processor string
	transport.TopicPartition
	Records  int
	Late     int           // of these, too late for a window
	Bytes    int64         // of their keys and values
	Duration time.Duration // in the handlers
}

// CommitStats describe one commit cycle.
type CommitStats struct {
	Processor string
	Records   int   // input records
	Bytes     int64 // of their keys and values
	Outputs   int   // records emitted
	Changes   int   // changelog records
	Duration  time.Duration

	// Oldest is the earliest of the timestamps with which the inputs'
	// partitions began, by input; zero for an input without records.
	Oldest []time.Time
	Inputs []string // the topics of Oldest
	// Written counts the outputs and changelog records by topic.
	Written []TopicStats
}

// TopicStats count records of a topic.
type TopicStats struct {
	Topic   string
	Records int
	Bytes   int64 // of keys and values
}

// RestoreStats describe the progress of one table partition's restore.
type RestoreStats struct {
	Processor string
	transport.TopicPartition
	From, Position, End int64 // offsets of the changelog
	Records             int64
	Duration            time.Duration // when Done
	Done                bool
}

func (m Metrics) handled(s HandledStats) {
	if m.Handled != nil {
		m.Handled(s)
	}
}

func (m Metrics) committed(s CommitStats) {
	if m.Committed != nil {
		m.Committed(s)
	}
}

func (m Metrics) restoring(s RestoreStats) {
	if m.Restoring != nil {
		m.Restoring(s)
	}
}

func (m Metrics) recordFailed(proc string, r *transport.Record, err error) {
	if m.RecordFailed != nil {
		m.RecordFailed(proc, r, err)
	}
}

func (m Metrics) decided(proc string, r *transport.Record, d graph.Decision) {
	if m.Decided != nil {
		m.Decided(proc, r, d)
	}
}

func (m Metrics) rebalanced(proc string) {
	if m.Rebalanced != nil {
		m.Rebalanced(proc)
	}
}

func (m Metrics) hung(h *HangError) {
	if m.HandlerHung != nil {
		m.HandlerHung(h)
	}
}

func (m Metrics) restarted(proc string, err error) {
	if m.Restarted != nil {
		m.Restarted(proc, err)
	}
}

func (m Metrics) aborted(proc string, err error) {
	if m.Aborted != nil {
		m.Aborted(proc, err)
	}
}

func (m Metrics) promoted(proc string, p int32) {
	if m.Promoted != nil {
		m.Promoted(proc, p)
	}
}

// count adds to the counts of a topic.
func count(all []TopicStats, topic string, records int, bytes int64) []TopicStats {
	for i := range all {
		if all[i].Topic == topic {
			all[i].Records += records
			all[i].Bytes += bytes
			return all
		}
	}
	return append(all, TopicStats{topic, records, bytes})
}

// add counts a generation that was committed.
func (s *CommitStats) add(g *generation) {
	s.Records += g.records - g.control - g.fired
	s.Bytes += g.bytes
	s.Outputs += g.out.total
	s.Changes += g.changelog.total
	for i, at := range g.first {
		if g.next[i] >= 0 && !at.IsZero() && (s.Oldest[i].IsZero() || at.Before(s.Oldest[i])) {
			s.Oldest[i] = at
		}
	}
	for _, sent := range []*sends{g.out, g.changelog} {
		for _, t := range sent.topics {
			s.Written = count(s.Written, t.Topic, t.Records, t.Bytes)
		}
	}
}

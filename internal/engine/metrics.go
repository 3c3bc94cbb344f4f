package engine

import (
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Metrics are hooks that are called as things happen; each may be nil. They
// must be safe for concurrent use and return at once.
type Metrics struct {
	Committed    func(CommitStats)
	Restoring    func(RestoreStats)
	RecordFailed func(processor string, r *transport.Record, err error) // at every attempt
	// Decided tells what becomes of a record that failed, after RecordFailed.
	Decided     func(processor string, r *transport.Record, d graph.Decision)
	Rebalanced  func(processor string)
	HandlerHung func(h *HangError) // once for each call of a handler that hangs
	Restarted   func(processor string, err error)
}

// CommitStats describe one commit cycle.
type CommitStats struct {
	Processor string
	Records   int   // input records
	Bytes     int64 // of their keys and values
	Outputs   int   // records emitted
	Changes   int   // changelog records
	Duration  time.Duration
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

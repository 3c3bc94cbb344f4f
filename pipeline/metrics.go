package pipeline

import (
	"errors"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// Metrics are hooks that a service calls as things happen; each may be nil.
// Package metrics fills them in for Prometheus. They must be safe for
// concurrent use and return at once. Only Failed and Emitted are called for
// single records.
//
// What is a state rather than an event, such as the lag, is in Service.Status
// and Service.Stores.
type Metrics struct {
	// Started is called when a service begins to run.
	Started func(*Service)
	// Handled is called for each run of records of one input.
	Handled func(HandledStats)
	// Committed is called after each commit of a processor.
	Committed func(CommitStats)
	// Failed is called for each attempt to handle a record that failed.
	Failed func(FailureStats)
	// Restoring is called as a table is restored.
	Restoring func(RestoreStats)
	// Rebalanced is called when the group gave a processor its partitions.
	Rebalanced func(topology, processor string)
	// Promoted is called when a partition went on with the state of its standby.
	Promoted func(topology, processor string, partition int)
	// Aborted is called when a transaction of a processor was aborted, and what it
	// held is done again, without a restart.
	Aborted func(topology, processor string, err error)
	// Restarted is called when a processor that failed starts again.
	Restarted func(topology, processor string, err error)
	// Emitted is called when a record of an Emitter was acknowledged or given up.
	Emitted func(EmitStats)
}

// HandledStats describe a run of up to 256 records of one partition that were
// handled one after the other, or of timers, whose topic is their table. When handlers are slow, runs are short: records
// that take over 2 ms come one by one.
type HandledStats struct {
	Topology, Processor, Topic string
	Partition                  int
	Records                    int
	Late                       int           // of these, too late for what they were to count in; see Context.Late
	Bytes                      int64         // of keys and values
	Duration                   time.Duration // in the handlers
}

// CommitStats describe one commit of a processor, over its partitions.
type CommitStats struct {
	Topology, Processor string
	Records             int           // handled
	Duration            time.Duration // of the cycle
	Inputs              []InputStats
	Written             []TopicStats // outputs and changelogs
}

// InputStats describe what a commit holds of an input.
type InputStats struct {
	Topic  string
	Oldest time.Time // the earliest timestamp with which a partition began; zero without records
}

// TopicStats count records of a topic.
type TopicStats struct {
	Topic   string
	Records int
	Bytes   int64 // of keys and values
}

// Outcome is what becomes of a record that failed.
type Outcome string

const (
	OutcomeRetry      Outcome = "retry"       // it is tried again
	OutcomeDeadLetter Outcome = "dead-letter" // it is set aside
	OutcomeSkip       Outcome = "skip"        // it is left out
	OutcomeRestart    Outcome = "restart"     // the processor starts again before it
	OutcomeStop       Outcome = "stop"        // the run ends before it
)

// FailureStats describe one attempt to handle a record that failed.
type FailureStats struct {
	Topology string
	Err      *RecordError
	Outcome  Outcome
}

// RestoreStats describe the progress of the restore of one table partition.
type RestoreStats struct {
	Topology, Processor, Table string
	Partition                  int
	Records                    int64         // applied up to now
	Duration                   time.Duration // when Done
	Done                       bool
}

// EmitStats describe one record of an Emitter.
type EmitStats struct {
	Topic string
	Bytes int   // of key and value
	Err   error // it was given up
}

// engine gives the hooks to the engine.
func (m Metrics) engine(topology string) (e engine.Metrics) {
	if f := m.Handled; f != nil {
		e.Handled = func(s engine.HandledStats) {
			f(HandledStats{topology, s.Processor, s.Topic, int(s.Partition), s.Records, s.Late, s.Bytes, s.Duration})
		}
	}
	if f := m.Committed; f != nil {
		e.Committed = func(s engine.CommitStats) {
			c := CommitStats{Topology: topology, Processor: s.Processor, Records: s.Records, Duration: s.Duration}
			for i, topic := range s.Inputs {
				c.Inputs = append(c.Inputs, InputStats{topic, s.Oldest[i]})
			}
			for _, t := range s.Written {
				c.Written = append(c.Written, TopicStats(t))
			}
			f(c)
		}
	}
	if f := m.Failed; f != nil {
		e.Decided = func(processor string, r *transport.Record, d graph.Decision) {
			var re *RecordError
			if !errors.As(d.Err, &re) {
				re = &RecordError{Processor: processor, Stage: StageHandle, Topic: r.Topic, Partition: r.Partition,
					Offset: r.Offset, Key: string(r.Key), Timestamp: r.Timestamp.UTC(), Err: d.Err}
			}
			f(FailureStats{topology, re, outcome(d.Verdict)})
		}
	}
	if f := m.Restoring; f != nil {
		e.Restoring = func(s engine.RestoreStats) {
			f(RestoreStats{topology, s.Processor, s.Topic, int(s.Partition), s.Records, s.Duration, s.Done})
		}
	}
	if f := m.Promoted; f != nil {
		e.Promoted = func(processor string, p int32) { f(topology, processor, int(p)) }
	}
	if f := m.Rebalanced; f != nil {
		e.Rebalanced = func(processor string) { f(topology, processor) }
	}
	if f := m.Aborted; f != nil {
		e.Aborted = func(processor string, err error) { f(topology, processor, err) }
	}
	if f := m.Restarted; f != nil {
		e.Restarted = func(processor string, err error) { f(topology, processor, err) }
	}
	return e
}

func outcome(v graph.Verdict) Outcome {
	switch v {
	case graph.Retry:
		return OutcomeRetry
	case graph.DeadLetter:
		return OutcomeDeadLetter
	case graph.Skip:
		return OutcomeSkip
	case graph.Restart:
		return OutcomeRestart
	}
	return OutcomeStop
}

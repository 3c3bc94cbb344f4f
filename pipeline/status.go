package pipeline

import (
	"cmp"
	"slices"
	"time"
)

// Phase is where a service or a processor is in its life; see Service.
type Phase string

const (
	Created   Phase = "created"
	Starting  Phase = "starting"  // connects, joins its groups
	Restoring Phase = "restoring" // reads the state of new partitions
	Running   Phase = "running"   // processes
	Waiting   Phase = "waiting"   // a processor failed and starts again soon
	Draining  Phase = "draining"  // finishes and commits
	Stopped   Phase = "stopped"
	Failed    Phase = "failed"
)

// Status is what a service is doing.
type Status struct {
	Phase      Phase             `json:"phase"`
	Ready      bool              `json:"ready"`
	Error      string            `json:"error,omitempty"`
	Processors []ProcessorStatus `json:"processors"`
}

// ProcessorStatus is what a processor is doing.
type ProcessorStatus struct {
	Name       string            `json:"name"`
	Phase      Phase             `json:"phase"`
	Error      string            `json:"error,omitempty"` // of the last failure, while Waiting or Failed
	Partitions []PartitionStatus `json:"partitions"`
	Failures   Failures          `json:"failures"`
}

// PartitionStatus describes a partition that the processor was assigned.
type PartitionStatus struct {
	ID    int   `json:"id"`
	Ready bool  `json:"ready"` // its state is restored
	Lag   int64 `json:"lag"`   // records that are not committed yet, as far as known

	Retrying *Retrying `json:"retrying,omitempty"` // a record that failed and is tried again
	Hung     *Hung     `json:"hung,omitempty"`     // a record whose handler does not return
}

// Failures counts the failures of a processor's records since the run began.
type Failures struct {
	Failed      int64 `json:"failed"`      // attempts that failed, the retried ones included
	Retried     int64 `json:"retried"`     // of these, followed by another attempt
	DeadLetters int64 `json:"deadLetters"` // records put aside as dead letters
	Skipped     int64 `json:"skipped"`     // records left out
}

// Hung is a record whose handler does not return: see Config.HandlerTimeout.
type Hung struct {
	Topic  string    `json:"topic"`
	Offset int64     `json:"offset"`
	Key    string    `json:"key"`
	Since  time.Time `json:"since"`
	Stack  string    `json:"stack,omitempty"` // of the handler's goroutine
}

// Retrying is a record that failed and is tried again. Its partition waits.
type Retrying struct {
	Topic    string    `json:"topic"`
	Offset   int64     `json:"offset"`
	Attempts int       `json:"attempts"` // so far
	Next     time.Time `json:"next"`     // when it is tried again
	Error    string    `json:"error"`
}

// Status returns what the service is doing.
func (s *Service) Status() Status {
	ready := s.Ready()
	s.mu.Lock()
	e, st := s.engine, Status{Phase: s.state, Ready: ready, Processors: []ProcessorStatus{}}
	if s.err != nil {
		st.Error = s.err.Error()
	}
	s.mu.Unlock()
	if e == nil {
		return st
	}
	for _, p := range e.Status() {
		ps := ProcessorStatus{Name: p.Processor, Phase: Phase(p.Phase), Error: p.Error, Partitions: []PartitionStatus{},
			Failures: Failures(p.Failures)}
		for _, part := range p.Partitions {
			ps.Partitions = append(ps.Partitions, PartitionStatus{ID: int(part.ID), Ready: part.Ready, Lag: part.Lag,
				Retrying: (*Retrying)(part.Retrying), Hung: (*Hung)(part.Hung)})
		}
		st.Processors = append(st.Processors, ps)
	}
	if st.Phase == Starting && len(st.Processors) > 0 {
		st.Phase = slices.MinFunc(st.Processors, func(a, b ProcessorStatus) int {
			return cmp.Compare(rank(a.Phase), rank(b.Phase))
		}).Phase
	}
	return st
}

// rank orders phases by how far they are from running.
func rank(p Phase) int {
	return slices.Index([]Phase{Failed, Waiting, Starting, Restoring, Stopped, Running}, p)
}

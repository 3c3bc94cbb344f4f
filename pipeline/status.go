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

// Phases are all phases, in the order of a life.
func Phases() []Phase {
	return []Phase{Created, Starting, Restoring, Running, Waiting, Draining, Stopped, Failed}
}

// Status is what a service is doing.
type Status struct {
	Phase Phase `json:"phase"`
	Ready bool  `json:"ready"`
	// Error is what ended the run, or what keeps it from its start.
	Error      string            `json:"error,omitempty"`
	Processors []ProcessorStatus `json:"processors"`
	Tables     []TableStatus     `json:"tables"` // that joins, lookups, views and standbys follow
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
	ID      int              `json:"id"`
	Ready   bool             `json:"ready"` // its state is restored
	Lag     int64            `json:"lag"`   // records that are not committed yet, as far as known
	Inputs  []InputStatus    `json:"inputs"`
	Restore *RestoreProgress `json:"restore,omitempty"` // of the table that is being restored

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

// InputStatus describes one input of a partition.
type InputStatus struct {
	Topic string `json:"topic"`
	Lag   int64  `json:"lag"`
	// Oldest is the timestamp of the oldest record at hand that is not
	// committed, nil without one.
	Oldest *time.Time `json:"oldest,omitempty"`
}

// RestoreProgress says how far the restore of a table partition is. Positions
// are offsets in the table's topic, which has gaps where it was compacted.
type RestoreProgress struct {
	Table    string  `json:"table"`
	Records  int64   `json:"records"` // applied up to now
	Position int64   `json:"position"`
	End      int64   `json:"end"`
	Percent  float64 `json:"percent"` // of the way from where it began, from 0 to 100
}

// TableStatus describes one partition of a table that a join, a lookup, a view
// or a standby follows.
type TableStatus struct {
	Table     string  `json:"table"`
	Processor string  `json:"processor,omitempty"` // whose join, lookup or standby it is
	Role      string  `json:"role"`                // join, lookup, view or standby
	Partition int     `json:"partition"`
	Ready     bool    `json:"ready"` // it has caught up with what was there when it began
	Lag       int64   `json:"lag"`   // offsets to the end of the topic, as far as known
	Percent   float64 `json:"percent"`
	Error     string  `json:"error,omitempty"` // why it does not get on
}

// StoreStatus is the size of a store.
type StoreStatus struct {
	Table     string `json:"table"`
	Processor string `json:"processor,omitempty"`
	Role      string `json:"role"` // state, join, lookup, view or standby
	Partition int    `json:"partition"`
	Bytes     int64  `json:"bytes"` // on disk
}

// Status returns what the service is doing.
func (s *Service) Status() Status {
	ready := s.Ready()
	s.mu.Lock()
	e, st := s.engine, Status{Phase: s.state, Ready: ready, Processors: []ProcessorStatus{}, Tables: []TableStatus{}}
	if s.err != nil {
		st.Error = s.err.Error()
	}
	s.mu.Unlock()
	if e == nil {
		return st
	}
	if err := e.Trouble(); err != nil && st.Error == "" {
		st.Error = err.Error()
	}
	for _, p := range e.Status() {
		ps := ProcessorStatus{Name: p.Processor, Phase: Phase(p.Phase), Error: p.Error, Partitions: []PartitionStatus{},
			Failures: Failures(p.Failures)}
		for _, part := range p.Partitions {
			d := PartitionStatus{ID: int(part.ID), Ready: part.Ready, Lag: part.Lag, Inputs: []InputStatus{},
				Retrying: (*Retrying)(part.Retrying), Hung: (*Hung)(part.Hung)}
			for _, i := range part.Inputs {
				is := InputStatus{Topic: i.Topic, Lag: i.Lag}
				if !i.Oldest.IsZero() {
					at := i.Oldest.UTC()
					is.Oldest = &at
				}
				d.Inputs = append(d.Inputs, is)
			}
			if r := part.Restore; r != nil {
				d.Restore = &RestoreProgress{r.Topic, r.Records, r.Position, r.End, percent(r.From, r.Position, r.End)}
			}
			ps.Partitions = append(ps.Partitions, d)
		}
		st.Processors = append(st.Processors, ps)
	}
	for _, f := range e.Followers() {
		st.Tables = append(st.Tables, TableStatus{f.Topic, owner(f.Role, f.Processor), f.Role, int(f.Partition), f.Ready,
			max(0, f.End-f.Position), percent(f.Begin, f.Position, f.Target), f.Error})
	}
	slices.SortFunc(st.Tables, func(a, b TableStatus) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Role, b.Role),
			cmp.Compare(a.Processor, b.Processor), cmp.Compare(a.Partition, b.Partition))
	})
	if st.Phase == Starting && len(st.Processors) > 0 {
		st.Phase = slices.MinFunc(st.Processors, func(a, b ProcessorStatus) int {
			return cmp.Compare(rank(a.Phase), rank(b.Phase))
		}).Phase
	}
	return st
}

// Stores returns the size of every open store. It looks at the disk: call it
// now and then, not for each record.
func (s *Service) Stores() []StoreStatus {
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	stores := []StoreStatus{}
	if e == nil {
		return stores
	}
	for _, o := range e.Stores() {
		stores = append(stores, StoreStatus{o.Topic, owner(o.Role, o.Processor), o.Role, int(o.Partition), o.Bytes})
	}
	return stores
}

// owner is the processor that a store belongs to: views belong to none.
func owner(role, processor string) string {
	if role == "view" {
		return ""
	}
	return processor
}

// percent is how far position is on the way from one offset to another.
func percent(from, position, to int64) float64 {
	if to <= from || position >= to {
		return 100
	}
	return float64(max(0, position-from)) * 100 / float64(to-from)
}

// rank orders phases by how far they are from running.
func rank(p Phase) int {
	return slices.Index([]Phase{Failed, Waiting, Starting, Restoring, Stopped, Running}, p)
}

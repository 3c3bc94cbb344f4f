package engine

import (
	"maps"
	"slices"
	"time"
)

// Phase is where a processor is in its life.
//
//	Starting ──▶ Restoring ──▶ Running ──▶ Stopped
//	   ▲             │   ▲        │
//	   │             │   └────────┤ new partitions
//	   └─ Waiting ◀──┴────────────┤ a failure that may pass
//	                              └──▶ Failed: one that does not
type Phase string

const (
	Starting  Phase = "starting"  // joins its group
	Restoring Phase = "restoring" // has partitions whose state is being restored
	Running   Phase = "running"   // processes all its partitions; they may be none
	Waiting   Phase = "waiting"   // failed and waits for its restart
	Stopped   Phase = "stopped"   // drained
	Failed    Phase = "failed"    // stopped by an error
)

// Status describes one processor.
type Status struct {
	Processor  string
	Phase      Phase
	Error      string // the last failure, while Waiting or Failed
	Partitions []Partition
	Failures   Failures // of records, since the run began
}

// Partition describes one assigned partition of a processor.
type Partition struct {
	ID      int32
	Ready   bool  // its state is restored
	Lag     int64 // records fetched or known of and not committed, over all inputs
	Inputs  []Input
	Restore *RestoreStats // of the table that is being restored, nil without one

	Retrying *Retrying // a record that failed and waits to be tried again
	Hung     *Hung     // a record whose handler does not return
}

// Retrying is a record that failed and is tried again. Its partition waits.
type Retrying struct {
	Topic    string
	Offset   int64
	Attempts int       // so far
	Next     time.Time // when it is tried again
	Error    string
}

// Input describes one input of a partition.
type Input struct {
	Topic  string
	Lag    int64
	Oldest time.Time // the timestamp of the oldest record at hand that is not committed; zero without one
}

type processorState struct {
	phase    Phase
	err      error
	in       *instance
	assigned bool // it had an assignment, be it of no partition
}

func (e *Engine) setPhase(name string, phase Phase, err error, in *instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.states[name] = &processorState{phase: phase, err: err, in: in}
	e.changed()
}

func (e *Engine) setTrouble(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble = err
}

// Trouble returns why the run does not get on to its processors, nil when it
// does: the brokers may be away.
func (e *Engine) Trouble() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trouble
}

// noteAssigned says that the group gave the processor its partitions.
func (e *Engine) noteAssigned(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.states[name].assigned = true
	e.changed()
}

// notify wakes those who wait for a change.
func (e *Engine) notify() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed()
}

func (e *Engine) changed() {
	close(e.change)
	e.change = make(chan struct{})
}

// Changed returns a channel that is closed at the next change of any status.
func (e *Engine) Changed() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.change
}

// Status returns the status of every processor of the run, by name.
func (e *Engine) Status() []Status {
	e.mu.Lock()
	states := maps.Clone(e.states)
	for k, s := range states {
		c := *s
		states[k] = &c
	}
	e.mu.Unlock()
	var all []Status
	for _, name := range slices.Sorted(maps.Keys(states)) {
		s := states[name]
		st := Status{Processor: name, Phase: s.phase, Partitions: []Partition{}, Failures: e.failures.of(name)}
		if s.err != nil {
			st.Error = s.err.Error()
		}
		if s.in != nil {
			st.Partitions = s.in.partitions()
			if s.assigned && st.Phase == Starting {
				st.Phase = Running
				for _, p := range st.Partitions {
					if !p.Ready {
						st.Phase = Restoring
					}
				}
			}
		}
		all = append(all, st)
	}
	return all
}

// Ready says whether every processor of the run is running, no handler hangs,
// and every view has caught up.
func (e *Engine) Ready() bool {
	for _, s := range e.Status() {
		hung := func(p Partition) bool { return p.Hung != nil }
		if s.Phase != Running || slices.ContainsFunc(s.Partitions, hung) {
			return false
		}
	}
	return e.viewsReady()
}

// input describes an input without the task's lock, which a handler that hangs
// would not give back.
func (t *task) input(i int) Input {
	input := Input{Topic: t.in.topics[i]}
	input.Lag, input.Oldest = t.queue.lag(i, t.position[i].Load())
	if ms := t.oldest[i].Load(); ms != 0 {
		input.Oldest = time.UnixMilli(ms)
	}
	return input
}

func (in *instance) partitions() []Partition {
	in.mu.Lock()
	defer in.mu.Unlock()
	ps := []Partition{}
	for _, id := range slices.Sorted(maps.Keys(in.tasks)) {
		t := in.tasks[id]
		p := Partition{ID: id, Ready: in.ready[id], Hung: t.hung.Load()}
		if f := t.failing.Load(); f != nil {
			p.Retrying = &Retrying{f.record.Topic, f.record.Offset, f.attempts, f.until, f.err.Error()}
		}
		if r := t.restoring.Load(); !p.Ready && r != nil && !r.Done {
			p.Restore = r
		}
		for i := range t.inputs {
			input := t.input(i)
			p.Lag += input.Lag
			p.Inputs = append(p.Inputs, input)
		}
		ps = append(ps, p)
	}
	return ps
}

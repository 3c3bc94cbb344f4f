package graph

import (
	"context"
	"time"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// Record is a Kafka record.
type Record = transport.Record

// Handler handles one record. It stages effects in the task; they are applied
// when it returns nil and undone when it returns an error.
type Handler func(*Task, *Record) error

// Timers let a processor's handlers be called because a time has come. A timer
// that fires is a record that was in no topic: its offset is -1. All functions
// are called one at a time for a task, under its lock.
type Timers struct {
	// Ready says whether there may be a timer to fire, and one that has to fire
	// before the next record: a cheap look, after each record. It may be wrong in
	// saying so.
	Ready func(*Task) (due, first bool)
	// Due returns the timers that are to fire now, the earliest first, at most
	// max of them.
	Due func(t *Task, max int) ([]*Record, error)
	// Handle fires a timer of Due: it deletes the timer and stages the effects.
	Handle Handler
	// Drop deletes a timer whose handler failed, and which the policy put aside.
	Drop func(*Task, *Record) error
	// Wake returns when the task is to look for timers again if no record comes,
	// by the wall clock; the zero time: not before a record comes.
	Wake func(*Task) time.Time
	// Freeze is called before the task's states are frozen: what it sets becomes
	// part of the generation.
	Freeze func(*Task) error
}

// Wait bounds how long a join waits for its table to reach the record's time.
// Zero does not wait.
type Wait time.Duration

// Task is one partition of a processor as its handlers see it. Its fields do
// not change while it exists; handlers of one task run one at a time.
type Task struct {
	Context   context.Context // ends when the processor stops without draining
	Partition int32
	States    []table.State  // in the order of Processor.States
	Joins     []table.Mirror // in the order of Processor.Joins
	Lookups   []LookupTable  // in the order of Processor.Lookups
	Out       Sender
	Now       func() time.Time
	// Await waits until the i-th join has reached a time, for as long as its
	// Wait says.
	Await func(i int, at time.Time) error
	Ahead []Ahead // in the order of Processor.Inputs, nil without any
	// Local is for the typed layer, which keeps its own things of the task in it.
	// The engine sets it to nil when it takes the task back to what is committed.
	Local any
	// Late counts the records that came too late; the typed layer adds to it.
	Late int
	// LoopTopic is where loops send to.
	LoopTopic string
}

// LookupTable is a whole table: a mirror for each partition.
type LookupTable struct {
	Partitions []table.Mirror
	// Of returns the partition in which a key lies.
	Of func(key []byte) int32
}

// Sender stages output records.
type Sender interface {
	// Next returns a zero record to be filled in before the next call.
	Next() *Record
	// Buffer returns an empty buffer to append an encoding to. Keep takes what
	// the appends made of it: its bytes live until the records that point to
	// them are acknowledged.
	Buffer() []byte
	Keep(b []byte) []byte
}

package graph

import (
	"slices"
	"time"
)

// Ahead is work for the records of one input of a task that begins before they
// are handled. Begin and Ready are called by the goroutine that runs the task's
// handlers, without the task's lock; the handler fetches what came of it.
type Ahead interface {
	// Limit is how many records may be looked at.
	Limit() int
	// Begin is told the next records in order, the first of them the next to be
	// handled, and begins with those that are new. What it knows of others that
	// come before these is forgotten. It returns a channel that is closed once
	// the first is ready, nil without one; unless the input is in the order of its
	// partition, one that gets something each time that a record is ready.
	Begin(coming []*Record) <-chan struct{}
	// Ready says whether a record can be handled without waiting.
	Ready(r *Record) bool
	// End waits until all work has ended, whose context has ended by then, but
	// not for longer than patience. It returns how much goes on.
	End(patience time.Duration) int
}

// Order is in which order the records of an input with Ahead are handled.
type Order int

const (
	PartitionOrder Order = iota // that of the partition
	KeyOrder                    // among the records of a key; those without one have none
	NoOrder                     // as their work ends
)

// Overtakers are the records of an input that were handled ahead of others: all
// from From on and before End, without the offsets in Waiting, in their order.
// From is the offset that is committed with them. An End that is not after From
// stands for none.
type Overtakers struct {
	From, End int64
	Waiting   []int64
}

// Has says whether the record at an offset is among them.
func (o Overtakers) Has(offset int64) bool {
	_, waits := slices.BinarySearch(o.Waiting, offset)
	return offset >= o.From && offset < o.End && !waits
}

// Overtaking keeps the overtakers of a task's inputs in a state. Its functions are
// called one at a time for a task, under its lock.
type Overtaking struct {
	Load func(t *Task, input int) (Overtakers, error)
	// Save replaces those of an input. It is called before the task's states are
	// frozen: what it sets becomes part of the generation.
	Save func(t *Task, input int, o Overtakers) error
}

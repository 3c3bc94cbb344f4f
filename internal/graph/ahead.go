package graph

import "time"

// Ahead is work for the records of one input of a task that begins before they
// are handled. Begin and Ready are called by the goroutine that runs the task's
// handlers, without the task's lock; the handler fetches what came of it.
type Ahead interface {
	// Limit is how many records may be looked at.
	Limit() int
	// Begin is told the next records in order, the first of them the next to be
	// handled, and begins with those that are new. What it knows of others that
	// come before these is forgotten. It returns a channel that is closed once
	// the first is ready, nil without one.
	Begin(coming []*Record) <-chan struct{}
	// Ready says whether a record can be handled without waiting.
	Ready(r *Record) bool
	// End waits until all work has ended, whose context has ended by then, but
	// not for longer than patience. It returns how much goes on.
	End(patience time.Duration) int
}

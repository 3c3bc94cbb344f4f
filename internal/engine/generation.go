package engine

import (
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/internal/transport"
)

// generation is what a task did between two commits: the effects that become
// permanent together.
//
// Its life: the task fills the current one under its lock; freeze ends it
// under the same lock; from then on it belongs to the commit cycle alone.
type generation struct {
	next    []int64     // by input: the offset after the last record handled; -1: none
	first   []time.Time // by input: the timestamp of the first record handled
	records int         // handled
	control int         // of these, control records
	fired   int         // of these, timers
	bytes   int64       // of the records handled
	out     *sends      // emitted records
	arena   []byte      // encodings that out points to

	// Set by freeze.
	changelog *sends
	frozen    []table.Frozen      // by state
	last      []*transport.Record // by state: the last changelog record, nil without

	overtakers []graph.Overtakers // by input, nil if none has an order of its own
}

func (t *task) newGeneration() *generation {
	inputs := len(t.inputs)
	g := &generation{next: make([]int64, inputs), first: make([]time.Time, inputs), out: newSends(&t.in.e.chunks, t.getOn)}
	for i := range g.next {
		g.next[i] = -1
	}
	return g
}

package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/pipeline"
)

// After a kill only the tail of the changelog is read, not the whole state: what
// was committed and not yet written to the store.
func TestExactlyOnceRestartAfterAKillReadsTheTailOnly(t *testing.T) {
	const keys, late = 5_000, 50
	l := newLab(t, 2, "in", "out")
	want := map[string]int{}
	send := func(from, n int) {
		for i := range n {
			k := fmt.Sprint("key-", from+i)
			want[k]++
			l.send("in", k)
		}
	}
	s := l.start("m", countAndEmit())
	send(0, keys)
	l.settled(group, "in")
	if err := s.stop(); err != nil { // so that the store has these
		t.Fatal(err)
	}
	s = l.start("m", countAndEmit())
	send(0, late)
	l.settled(group, "in")
	l.kill(s)

	var restored atomic.Int64
	l.startWith("m", countAndEmit(), func(c *pipeline.Config) {
		c.Metrics.Restoring = func(r pipeline.RestoreStats) {
			if r.Done {
				restored.Add(r.Records)
			}
		}
	})
	send(0, late)
	l.settled(group, "in")
	l.wantEachOnce(want)
	if n := restored.Load(); n > late {
		t.Errorf("%d records were restored of a table of %d, want the %d of the tail at most", n, keys, late)
	}
}

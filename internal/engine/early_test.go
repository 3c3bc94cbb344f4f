package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// A commit does not wait for its interval when much is to be committed: many
// changed keys, or many bytes of outputs.
func TestCommitComesEarly(t *testing.T) {
	for name, bound := range map[string]func(*pipeline.Config){
		"keys":  func(c *pipeline.Config) { c.CommitKeys = 5 },
		"bytes": func(c *pipeline.Config) { c.CommitBytes = 20 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, "in", "out")
			s := l.startWith("m", dedupe(), func(c *pipeline.Config) {
				c.CommitInterval, c.Guarantee = time.Hour, pipeline.AtLeastOnce
				bound(c)
			})
			for i := range 100 {
				l.send("in", fmt.Sprint("key-", i))
			}
			l.until("a commit before the end", func() bool { return l.Committed(group)["in"][0] > 0 })
			l.until("all outputs", func() bool { return len(l.keys("out")) == 100 }) // a stop leaves what is not fetched yet
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			if got := l.Committed(group)["in"][0]; got != 100 {
				t.Errorf("committed offset %d after the end, want 100", got)
			}
		})
	}
}

package processors_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// What comes too late for a table is counted and set aside, as it came: values and
// deletions, and nothing else.
func TestLateChanges(t *testing.T) {
	aside := pipeline.NewTopic("aside", codec.String())
	for name, tt := range map[string]struct {
		topology func() *pipeline.Topology
		in       func(n int64, v string) pipeline.Record // "" deletes
	}{
		"out of order": {func() *pipeline.Topology {
			return pipeline.New("t").From(lefts).To(aside).Add(processors.ToTable("keep", lefts, names, processors.OutOfOrderTo(aside)))
		}, func(n int64, v string) pipeline.Record {
			if v == "" {
				return lefts.Tombstone("k").At(at(n))
			}
			return lefts.Record("k", v).At(at(n))
		}},
		"older than the history": {func() *pipeline.Topology {
			return pipeline.New("t").From(rights, leftTable).To(joined, aside).Add(processors.JoinVersioned("join", rights, leftTable, 5*time.Millisecond, joined,
				func(_ *pipeline.Context, _ int64, name string) (string, error) { return name, nil }, processors.LateChangesTo(aside)))
		}, func(n int64, v string) pipeline.Record {
			if v == "" {
				return leftTable.Deleted("k").At(at(n))
			}
			return leftTable.Row("k", v).At(at(n))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var late atomic.Int64
			d := pipelinetest.New(t, tt.topology(), func(c *pipeline.Config) {
				c.Metrics.Handled = func(s pipeline.HandledStats) { late.Add(int64(s.Late)) }
			})
			d.Send(tt.in(30, "a"), tt.in(30, "b"), tt.in(24, "late"), tt.in(20, ""), tt.in(40, ""), tt.in(41, "c"))
			d.Expect(aside.Record("k", "late").At(at(24)), aside.Tombstone("k").At(at(20)))
			d.Restart()
			d.Send(tt.in(35, "late again"))
			d.Expect(aside.Record("k", "late again").At(at(35)))
			if n := late.Load(); n != 3 {
				t.Errorf("%d are counted as late, want 3", n)
			}
		})
	}
	wrong := pipeline.New("t").From(rights, leftTable).To(joined, results).Add(processors.JoinVersioned("join", rights, leftTable, time.Second, joined,
		func(_ *pipeline.Context, _ int64, name string) (string, error) { return name, nil }, processors.LateChangesTo(results)))
	if err := wrong.Validate(); !errors.Is(err, pipeline.ErrConfig) {
		t.Errorf("late changes in a topic of another type: %v", err)
	}
}

package processors_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// What an operator keeps for itself has the name of the topology: another topology
// on the cluster may use the operator under the same name.
func TestOperatorsOfTwoTopologiesShareNothing(t *testing.T) {
	var (
		left, right = pipeline.NewTopic("left", codec.Int64()), pipeline.NewTopic("right", codec.Int64())
		lt, rt      = pipeline.NewTable("left-table", codec.Int64()), pipeline.NewTable("right-table", codec.Int64())
		to          = pipeline.NewTopic("to", codec.Int64())
		kept        = pipeline.NewTable("kept", codec.Int64())
		panes       = pipeline.NewTable("panes", processors.Panes(codec.Int64()))
	)
	sum := func(_ *pipeline.Context, a, b int64) (int64, error) { return a + b, nil }
	name := func(string, int64) (string, bool) { return "", true }
	for operator, ps := range map[string]func() []*pipeline.Processor{
		"window": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.Window("p", left, processors.Tumbling(time.Minute), aggregate.Count[int64](), panes,
				processors.EmitEvery(time.Second, to))}
		},
		"count window": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.Window("p", left, processors.CountWindow(3), aggregate.Count[int64](), panes,
				processors.EmitFinal(to))}
		},
		"streams": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.JoinStreams("p", left, right, processors.Within(time.Minute), to, sum)}
		},
		"tables": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.JoinTables("p", lt, rt, kept, sum)}
		},
		"expire": func() []*pipeline.Processor {
			p := pipeline.Process("p")
			e := processors.Expire(p, "p", time.Minute, func(*pipeline.Context) error { return nil })
			pipeline.Input(p, left, func(ctx *pipeline.Context, _ int64) error { e.Touch(ctx); return nil })
			return []*pipeline.Processor{p}
		},
		"enrich": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.Enrich("p", left, to, func(_ context.Context, _ string, n int64) (int64, error) { return n, nil },
				processors.CallOrder(pipeline.Unordered))}
		},
		"suppress": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.Suppress("p", lt, to, time.Minute)}
		},
		"foreign": func() []*pipeline.Processor { return processors.JoinForeign("p", lt, rt, name, kept, sum) },
		"groups": func() []*pipeline.Processor {
			return processors.AggregateTable("p", lt, codec.Int64(), func(string, int64) (string, int64, bool) { return "", 0, true }, kept, sum, sum)
		},
		"versions": func() []*pipeline.Processor {
			return []*pipeline.Processor{processors.JoinVersioned("p", left, rt, time.Minute, to, sum, processors.WaitForVersions(time.Second))}
		},
	} {
		t.Run(operator, func(t *testing.T) {
			own := []string{"left", "right", "left-table", "right-table", "to", "kept", "panes"}
			found := 0
			for _, topology := range []string{"one", "two"} {
				d := pipeline.New(topology).From(left, right, lt, rt).To(to).Add(ps()...).Describe()
				for _, p := range d.Processors {
					for _, e := range p.Edges {
						if slices.Contains(own, e.Name) {
							continue
						}
						if found++; !strings.HasPrefix(e.Name, topology+"-p-") {
							t.Errorf("the %s %s of topology %s does not have its name", e.Role, e.Name, topology)
						}
					}
				}
			}
			if found == 0 {
				t.Error("nothing is internal")
			}
		})
	}
}

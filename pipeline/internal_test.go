package pipeline_test

import (
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// What is internal to a topology carries its name on the cluster: topics between
// processors, tables and timers. The handles say so, too.
func TestInternalTopicsHaveTheNameOfTheTopology(t *testing.T) {
	in, out := pipeline.NewTopic("in", codec.Int64()), pipeline.NewTopic("out", codec.Int64())
	between := pipeline.NewTopic("between", codec.Int64()).Internal()
	sum := pipeline.NewTable("sum", codec.Int64()).Internal()

	first := pipeline.Process("first")
	pass := pipeline.Output(first, between)
	pipeline.Input(first, in, func(ctx *pipeline.Context, n int64) error {
		pass.Emit(ctx, ctx.Key(), n)
		return nil
	})
	second := pipeline.Process("second")
	state, emit := pipeline.State(second, sum), pipeline.Output(second, out)
	timers := pipeline.EventTimers(second, "later", codec.Int64())
	timers.Handle(func(ctx *pipeline.Context, n int64) error {
		emit.Emit(ctx, ctx.Key(), n)
		return nil
	})
	pipeline.Input(second, between, func(ctx *pipeline.Context, n int64) error {
		old, _ := state.Get(ctx)
		state.Set(ctx, old+n)
		timers.Set(ctx, ctx.Key(), ctx.Timestamp(), old+n)
		return nil
	})
	topology := pipeline.New("app").From(in).Add(first, second).To(out)

	pipelinetest.Each(t, func() *pipeline.Topology { return topology }, func(d *pipelinetest.Driver) {
		d.Pipe(in.Record("a", 1), in.Record("a", 2))
		d.Restart()
		d.Send(in.Record("a", 4))
		d.Expect(between.Record("a", 1), between.Record("a", 2), between.Record("a", 4), sum.Row("a", 7),
			out.Record("a", 1), out.Record("a", 3), out.Record("a", 7))
	})
	for _, name := range []string{between.Name(), sum.Name()} {
		if name != "app-between" && name != "app-sum" {
			t.Errorf("an internal topic is %s on the cluster", name)
		}
	}
	names := map[string]bool{}
	for _, p := range topology.Describe().Processors {
		for _, e := range p.Edges {
			names[e.Name] = true
		}
	}
	for _, name := range []string{"in", "out", "app-between", "app-sum", "app-later"} {
		if !names[name] {
			t.Errorf("%s is not among the topics of the topology: %v", name, names)
		}
	}
}

// A topic of the user's may be named like what a processor keeps for itself.
func TestInternalNamesAreNobodyElses(t *testing.T) {
	in, out := pipeline.NewTopic("later", codec.Int64()), pipeline.NewTopic("sum", codec.Int64())
	p := pipeline.Process("p")
	emit := pipeline.Output(p, out)
	timers := pipeline.EventTimers(p, "later", codec.Int64())
	timers.Handle(func(ctx *pipeline.Context, n int64) error {
		emit.Emit(ctx, ctx.Key(), n)
		return nil
	})
	state := pipeline.State(p, pipeline.NewTable("sum", codec.Int64()).Internal())
	pipeline.Input(p, in, func(ctx *pipeline.Context, n int64) error {
		state.Set(ctx, n)
		timers.Set(ctx, ctx.Key(), ctx.Timestamp(), n)
		return nil
	})
	d := pipelinetest.New(t, pipeline.New("app").From(in).Add(p).To(out))
	d.Send(in.Record("a", 1))
	d.Expect(out.Record("a", 1))
}

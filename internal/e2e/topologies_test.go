package e2e

import (
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// app has topologies over topics of its own.
type app string

func (a app) topic(what string) string { return string(a) + "." + what }
func (a app) group(proc string) string { return string(a) + "-" + proc }

func (a app) str(what string) pipeline.Topic[string] {
	return pipeline.NewTopic(a.topic(what), codec.String())
}

func (a app) table(what string) pipeline.Table[int64] {
	return pipeline.NewTable(a.topic(what), codec.Int64())
}

// dedupe passes on the first record of each key.
func (a app) dedupe() *pipeline.Processor {
	p := pipeline.Process("dedupe")
	seen := pipeline.State(p, a.table("seen"))
	out := pipeline.Output(p, a.str("unique"))
	pipeline.Input(p, a.str("in"), func(ctx *pipeline.Context, v string) error {
		n, ok := seen.Get(ctx)
		if !ok {
			out.Emit(ctx, ctx.Key(), v)
		}
		seen.Set(ctx, n+1)
		return nil
	})
	return p
}

// count counts the records of each key.
func (a app) count() *pipeline.Processor {
	p := pipeline.Process("count")
	counts := pipeline.State(p, a.table("counts"))
	pipeline.Input(p, a.str("in"), func(ctx *pipeline.Context, _ string) error {
		n, _ := counts.Get(ctx)
		counts.Set(ctx, n+1)
		return nil
	})
	return p
}

// pass passes every record on, keyed by its value.
func (a app) pass() *pipeline.Processor {
	p := pipeline.Process("pass")
	out := pipeline.Output(p, a.str("passed"))
	pipeline.Input(p, a.str("in"), func(ctx *pipeline.Context, v string) error {
		out.Emit(ctx, v, v)
		return nil
	})
	return p
}

// join looks each record's key up in the names.
func (a app) join() *pipeline.Processor {
	p := pipeline.Process("join")
	names := pipeline.Join(p, pipeline.NewTable(a.topic("names"), codec.String()))
	out := pipeline.Output(p, a.str("joined"))
	pipeline.Input(p, a.str("in"), func(ctx *pipeline.Context, v string) error {
		name, _ := names.Get(ctx)
		out.Emit(ctx, ctx.Key(), v+"="+name)
		return nil
	})
	return p
}

// loop sends each record around until its countdown is over.
func (a app) loop() *pipeline.Processor {
	p := pipeline.Process("loop")
	out := pipeline.Output(p, a.str("rounds"))
	loop := pipeline.Loop(p, codec.String())
	round := func(ctx *pipeline.Context, v string) error {
		out.Emit(ctx, ctx.Key(), v)
		if len(v) > 1 {
			loop.Emit(ctx, ctx.Key(), v[1:])
		}
		return nil
	}
	loop.Handle(round)
	pipeline.Input(p, a.str("in"), round)
	return p
}

func (a app) all() *pipeline.Topology {
	return pipeline.New(string(a)).From(a.str("in"), pipeline.NewTable(a.topic("names"), codec.String())).
		Add(a.dedupe(), a.count(), a.pass(), a.join(), a.loop()).
		To(a.str("unique"), a.str("passed"), a.str("joined"), a.str("rounds"))
}

// three is what the kill tests run.
func (a app) three() *pipeline.Topology {
	return pipeline.New(string(a)).From(a.str("in")).
		Add(a.dedupe(), a.count(), a.pass()).
		To(a.str("unique"), a.str("passed"))
}

// deduped is a topology of one processor.
func (a app) deduped() *pipeline.Topology {
	return pipeline.New(string(a)).From(a.str("in")).Add(a.dedupe()).To(a.str("unique"))
}

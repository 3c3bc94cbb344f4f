package pipelinetest_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

type order struct {
	Item string
	N    int
}

var (
	orders = pipeline.NewTopic("orders", codec.JSON[order]())
	unique = pipeline.NewTopic("orders.unique", codec.JSON[order]())
	seen   = pipeline.NewTable("orders.seen", codec.JSON[time.Time]())
)

func dedupe() *pipeline.Topology {
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, unique)
	pipeline.Input(p, orders, func(ctx *pipeline.Context, o order) error {
		if _, ok := state.Get(ctx); !ok {
			state.Set(ctx, ctx.Timestamp())
			out.Emit(ctx, ctx.Key(), o)
		}
		return nil
	})
	return pipeline.New("shop").From(orders).Add(p).To(unique)
}

func TestDuplicatesAreDropped(t *testing.T) {
	pipelinetest.Each(t, dedupe, func(d *pipelinetest.Driver) {
		a, b := order{"a", 1}, order{"b", 2}
		d.Send(orders.Record("1", a), orders.Record("1", a), orders.Record("2", b))
		d.Expect(unique.Record("1", a), unique.Record("2", b), seen.Row("1", d.Now()))
		d.Restart()
		d.Send(orders.Record("1", a), orders.Record("3", b))
		d.Expect(unique.Record("3", b))
		d.Crash()
		d.Send(orders.Record("1", a), orders.Record("3", b), orders.Record("4", b))
		d.Expect(unique.Record("4", b))
	})
}

package processors_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func ExampleToStream() {
	prices := pipeline.NewTable("prices", codec.Int64())
	changed := pipeline.NewTopic("prices.changed", codec.Int64())
	p := processors.ToStream("changed", prices, changed)
	pipelinetest.Example(pipeline.New("app").From(prices).Add(p).To(changed), func(d *pipelinetest.Driver) {
		d.Send(prices.Row("tea", 450), prices.Row("cake", 300))
		show(d, changed)
	})
	// Output:
	// tea 450
	// cake 300
}

// Each visitor is said goodbye to, half an hour after the last page.
func ExampleExpire() {
	visits := pipeline.NewTopic("visits", codec.String())
	left := pipeline.NewTopic("left", codec.String())
	p := pipeline.Process("goodbye")
	out := pipeline.Output(p, left)
	expiry := processors.Expire(p, "goodbye", 30*time.Minute, func(ctx *pipeline.Context) error {
		out.Emit(ctx, ctx.Key(), "left")
		return nil
	})
	pipeline.Input(p, visits, func(ctx *pipeline.Context, _ string) error {
		expiry.Touch(ctx)
		return nil
	})
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(visits).Add(p).To(left), func(d *pipelinetest.Driver) {
		d.Send(visits.Record("ada", "/1").At(noon), visits.Record("bob", "/1").At(noon.Add(29*time.Minute)),
			visits.Record("bob", "/2").At(noon.Add(31*time.Minute)))
		show(d, left)
	})
	// Output: ada left
}

// What a price was when the order was made.
func ExampleNewVersions() {
	prices := pipeline.NewTopic("prices", codec.Int64())
	orders := pipeline.NewTopic("orders", codec.String())
	paid := pipeline.NewTopic("paid", codec.Int64())
	p := pipeline.Process("pay")
	out := pipeline.Output(p, paid)
	versions := processors.NewVersions(p, "price-versions", codec.Int64(), 24*time.Hour)
	pipeline.Input(p, prices, func(ctx *pipeline.Context, cents int64) error {
		versions.Put(ctx, ctx.Key(), cents, ctx.Timestamp())
		return nil
	})
	pipeline.Input(p, orders, func(ctx *pipeline.Context, _ string) error {
		if cents, since, ok := versions.AsOf(ctx, ctx.Key(), ctx.Timestamp()); ok {
			fmt.Println("the price since", since.Format("15:04"))
			out.Emit(ctx, ctx.Key(), cents)
		}
		return nil
	})
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(prices, orders).Add(p).To(paid), func(d *pipelinetest.Driver) {
		d.Send(prices.Record("tea", 450).At(noon), prices.Record("tea", 500).At(noon.Add(time.Hour)))
		d.Send(orders.Record("tea", "a pot").At(noon.Add(30 * time.Minute)))
		show(d, paid)
	})
	// Output:
	// the price since 12:00
	// tea 450
}

package pipeline_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// unpaid tells of each order for which no payment has come within an hour.
func unpaid(orders, payments, reminders pipeline.Topic[string]) *pipeline.Processor {
	// doc: timers
	p := pipeline.Process("remind")
	out := pipeline.Output(p, reminders)
	due := pipeline.EventTimers(p, "due", codec.String())
	since := pipeline.State(p, pipeline.NewTable("unpaid", codec.JSON[time.Time]()))
	due.Handle(func(ctx *pipeline.Context, item string) error {
		since.Delete(ctx)
		out.Emit(ctx, ctx.Key(), item)
		return nil
	})
	pipeline.Input(p, orders, func(ctx *pipeline.Context, item string) error {
		at := ctx.Timestamp().Add(time.Hour)
		since.Set(ctx, at)
		due.Set(ctx, ctx.Key(), at, item)
		return nil
	})
	pipeline.Input(p, payments, func(ctx *pipeline.Context, _ string) error {
		if at, ok := since.Get(ctx); ok {
			due.Delete(ctx, ctx.Key(), at)
			since.Delete(ctx)
		}
		return nil
	})
	// end
	return p
}

func ExampleEventTimers() {
	orders, payments := pipeline.NewTopic("orders", codec.String()), pipeline.NewTopic("payments", codec.String())
	reminders := pipeline.NewTopic("reminders", codec.String())
	pipelinetest.Example(pipeline.New("shop").From(orders, payments).Add(unpaid(orders, payments, reminders)).To(reminders), func(d *pipelinetest.Driver) {
		d.Send(orders.Record("17", "tea").At(noon), orders.Record("18", "jam").At(noon.Add(time.Minute)),
			payments.Record("18", "cash").At(noon.Add(30*time.Minute)))
		d.Restart()
		d.Send(orders.Record("19", "rye").At(noon.Add(2 * time.Hour))) // stream time goes past both
		for _, m := range pipelinetest.Read(d, reminders) {
			fmt.Println(m.Time.Format("15:04"), m.Key, m.Value)
		}
	})
	// Output: 13:00 17 tea
}

func ExampleClockTimers() {
	pings, down := pipeline.NewTopic("pings", codec.String()), pipeline.NewTopic("down", codec.String())
	p := pipeline.Process("watch")
	out := pipeline.Output(p, down)
	timers := pipeline.ClockTimers(p, "silence", codec.String())
	timers.Handle(func(ctx *pipeline.Context, host string) error {
		out.Emit(ctx, ctx.Key(), host+" since "+ctx.Timestamp().Format("15:04"))
		return nil
	})
	pipeline.Input(p, pings, func(ctx *pipeline.Context, host string) error {
		timers.Set(ctx, ctx.Key(), ctx.Now().Add(time.Minute), host)
		return nil
	})
	pipelinetest.Example(pipeline.New("hosts").From(pings).Add(p).To(down), func(d *pipelinetest.Driver) {
		d.Send(pings.Record("a", "ada"))
		d.Advance(time.Minute) // no record comes
		for _, m := range pipelinetest.Read(d, down) {
			fmt.Println(m.Value)
		}
	})
	// Output: ada since 00:01
}

// A partition falls silent: after five minutes stream time goes on with the clock.
func ExampleIdle() {
	orders, payments := pipeline.NewTopic("orders", codec.String()), pipeline.NewTopic("payments", codec.String())
	reminders := pipeline.NewTopic("reminders", codec.String())
	p := unpaid(orders, payments, reminders)
	pipeline.Idle(p, 5*time.Minute)
	pipelinetest.Example(pipeline.New("shop").From(orders, payments).Add(p).To(reminders), func(d *pipelinetest.Driver) {
		d.Send(orders.Record("17", "tea").At(noon))
		for range 2 {
			d.Advance(time.Hour)
			for _, m := range pipelinetest.Read(d, reminders) {
				fmt.Println(m.Time.Format("15:04"), m.Key, m.Value)
			}
			fmt.Println(d.Now().Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
		}
	})
	// Output:
	// 1h0m0s
	// 13:00 17 tea
	// 2h0m0s
}

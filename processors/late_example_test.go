package processors_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// Clicks that come when their window is closed are set aside.
func ExampleLateLeft() {
	clicks, views := pipeline.NewTopic("clicks", codec.String()), pipeline.NewTopic("views", codec.String())
	joined, late := pipeline.NewTopic("joined", codec.String()), pipeline.NewTopic("late", codec.String())
	p := processors.JoinStreams("join", clicks, views, processors.Within(time.Minute).Grace(10*time.Second), joined,
		func(_ *pipeline.Context, click, view string) (string, error) { return click + " on " + view, nil },
		processors.LateLeft(late), processors.LateRight(late))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("shop").From(clicks, views).Add(p).To(joined, late), func(d *pipelinetest.Driver) {
		d.Send(views.Record("ada", "tea").At(noon), clicks.Record("ada", "buy").At(noon.Add(time.Minute)),
			views.Record("bob", "jam").At(noon.Add(5*time.Minute)), // closes what is older than 70 seconds
			clicks.Record("ada", "like").At(noon.Add(30*time.Second)))
		for _, topic := range []pipeline.Topic[string]{joined, late} {
			for _, m := range pipelinetest.Read(d, topic) {
				fmt.Println(topic.Name(), m.Key, m.Value)
			}
		}
	})
	// Output:
	// joined ada buy on tea
	// late ada like
}

// Prices that are older than the one that is known go to somebody who looks at them.
func ExampleOutOfOrderTo() {
	updates, stale := pipeline.NewTopic("updates", codec.Int64()), pipeline.NewTopic("stale", codec.Int64())
	prices := pipeline.NewTable("prices", codec.Int64())
	p := processors.ToTable("prices", updates, prices, processors.OutOfOrderTo(stale))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("shop").From(updates).Add(p).To(stale), func(d *pipelinetest.Driver) {
		d.Send(updates.Record("tea", 500).At(noon), updates.Record("tea", 450).At(noon.Add(-time.Minute)))
		fmt.Println(pipelinetest.Rows(d, prices))
		for _, m := range pipelinetest.Read(d, stale) {
			fmt.Println("stale:", m.Key, m.Value, m.Time.Format("15:04"))
		}
	})
	// Output:
	// map[tea:500]
	// stale: tea 450 11:59
}

// A window is emitted when it closes, and stays in its table for an hour, for views.
func ExampleWindows_Retain() {
	clicks, counts := pipeline.NewTopic("clicks", codec.String()), pipeline.NewTopic("counts", codec.Int64())
	panes := pipeline.NewTable("panes", processors.Panes(codec.Int64()))
	p := processors.Window("count", clicks, processors.Tumbling(time.Minute).Retain(time.Hour), aggregate.Count[string](), panes,
		processors.EmitFinal(counts))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("shop").From(clicks).Add(p).To(counts), func(d *pipelinetest.Driver) {
		for _, after := range []time.Duration{0, 30 * time.Minute, time.Hour} {
			d.Send(clicks.Record("ada", "tea").At(noon.Add(after)))
			_, kept := pipelinetest.Rows(d, panes)[processors.WindowKey("ada", noon)]
			fmt.Println(after, len(pipelinetest.Read(d, counts)), "emitted, the first one is kept:", kept)
		}
	})
	// Output:
	// 0s 0 emitted, the first one is kept: true
	// 30m0s 1 emitted, the first one is kept: true
	// 1h0m0s 1 emitted, the first one is kept: false
}

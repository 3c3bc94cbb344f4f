package processors_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

var (
	clicks  = pipeline.NewTopic("clicks", codec.String())
	visits  = pipeline.NewTopic("visits", codec.String())
	perPage = pipeline.NewTopic("clicks.counted", codec.Int64())
	// doc: pane
	counted = pipeline.NewTable("clicks.windows", processors.Panes(codec.Int64()))
	// end
)

func showWindows(d *pipelinetest.Driver) {
	for _, m := range pipelinetest.Read(d, perPage) {
		page, start, err := processors.ParseWindowKey(m.Key)
		if err != nil {
			fmt.Println(err)
		}
		fmt.Println(page, start.Format("15:04:05"), m.Value)
	}
}

func ExampleWindow() {
	late := pipeline.NewTopic("clicks.late", codec.String())
	// doc: window
	p := processors.Window("per-minute", clicks, processors.Tumbling(time.Minute).Grace(10*time.Second),
		aggregate.Count[string](), counted, processors.EmitFinal(perPage), processors.LateTo(late))
	// end
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(perPage, late), func(d *pipelinetest.Driver) {
		d.Send(
			clicks.Record("/", "ada").At(noon),
			clicks.Record("/", "bob").At(noon.Add(62*time.Second)),
			clicks.Record("/", "eve").At(noon.Add(59*time.Second)),  // out of order, and in time
			clicks.Record("/b", "bob").At(noon.Add(70*time.Second)), // closes the first minute
			clicks.Record("/", "eve").At(noon.Add(58*time.Second)),
			clicks.Record("/", "bob").At(noon.Add(5*time.Minute)))
		showWindows(d)
		show(d, late)
	})
	// Output:
	// / 12:00:00 2
	// / 12:01:00 1
	// /b 12:01:00 1
	// / eve
}

func ExampleHopping() {
	p := processors.Window("last-minute", clicks, processors.Hopping(time.Minute, 30*time.Second),
		aggregate.Count[string](), counted, processors.EmitUpdates(perPage))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(perPage), func(d *pipelinetest.Driver) {
		d.Send(clicks.Record("/", "ada").At(noon.Add(10*time.Second)), clicks.Record("/", "bob").At(noon.Add(20*time.Second)))
		showWindows(d)
	})
	// Output:
	// / 11:59:30 1
	// / 12:00:00 1
	// / 11:59:30 2
	// / 12:00:00 2
}

func ExampleSliding() {
	p := processors.Window("within-a-minute", clicks, processors.Sliding(time.Minute).Grace(time.Minute),
		aggregate.Count[string](), counted, processors.EmitFinal(perPage))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(perPage), func(d *pipelinetest.Driver) {
		d.Send(
			clicks.Record("/", "ada").At(noon),
			clicks.Record("/", "bob").At(noon.Add(45*time.Second)),
			clicks.Record("/other", "eve").At(noon.Add(time.Hour)))
		showWindows(d)
	})
	// Output:
	// / 11:59:00 1
	// / 11:59:45 2
	// / 12:00:00 1
}

func ExampleSession() {
	path := aggregate.Reduce(func(_ *pipeline.Context, a, b string) (string, error) { return a + " " + b, nil }, codec.String())
	sessions := pipeline.NewTable("visits.open", processors.Panes(path.Codec))
	p := processors.Window("visits", clicks, processors.Session(30*time.Minute), path, sessions, processors.EmitFinal(visits))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(visits), func(d *pipelinetest.Driver) {
		d.Send(
			clicks.Record("ada", "/").At(noon),
			clicks.Record("ada", "/prices").At(noon.Add(5*time.Minute)),
			clicks.Record("ada", "/").At(noon.Add(2*time.Hour)),
			clicks.Record("bob", "/").At(noon.Add(3*time.Hour)))
		for _, m := range pipelinetest.Read(d, visits) {
			who, from, to, err := processors.ParseSessionKey(m.Key)
			if err != nil {
				fmt.Println(err)
			}
			fmt.Println(who, from.Format("15:04"), to.Format("15:04"), strings.Fields(m.Value))
		}
	})
	// Output:
	// ada 12:00 12:05 [/ /prices]
	// ada 14:00 14:00 [/]
}

func ExampleCountWindow() {
	p := processors.Window("every-two", clicks, processors.CountWindow(2), aggregate.Count[string](), counted, processors.EmitFinal(perPage))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(perPage), func(d *pipelinetest.Driver) {
		for i := range 5 {
			d.Send(clicks.Record("/", "ada").At(noon.Add(time.Duration(i) * time.Second)))
		}
		showWindows(d)
	})
	// Output:
	// / 12:00:00 2
	// / 12:00:02 2
}

func ExampleEmitEvery() {
	p := processors.Window("per-hour", clicks, processors.Tumbling(time.Hour), aggregate.Count[string](), counted,
		processors.EmitEvery(time.Minute, perPage))
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(clicks).Add(p).To(perPage), func(d *pipelinetest.Driver) {
		for i := range 10 {
			d.Send(clicks.Record("/", "ada").At(noon.Add(time.Duration(i) * 20 * time.Second)))
		}
		showWindows(d)
	})
	// Output:
	// / 12:00:00 4
	// / 12:00:00 8
}

func ExampleAggregateBy() {
	longest := aggregate.Max(func(line string) int64 { return int64(len(line)) })
	p := processors.AggregateBy("longest", lines, longest, counts)
	pipelinetest.Example(pipeline.New("app").From(lines).Add(p), func(d *pipelinetest.Driver) {
		d.Send(lines.Record("hamlet", "to be"), lines.Record("hamlet", "or not to be"), lines.Record("hamlet", "that is"))
		fmt.Println(pipelinetest.Rows(d, counts))
	})
	// Output: map[hamlet:12]
}

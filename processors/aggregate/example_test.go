package aggregate_test

import (
	"cmp"
	"fmt"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

type Request struct {
	Visitor string
	Path    string
	Millis  float64
}

var requests = pipeline.NewTopic("requests", codec.JSON[Request]())

// some sends requests to one server.
func some(d *pipelinetest.Driver) {
	for i := range 100 {
		d.Send(requests.Record("server", Request{Visitor: fmt.Sprint(i % 7), Path: fmt.Sprint("/", i), Millis: float64(i)}))
	}
}

func ExampleDistinct() {
	visitors := aggregate.Distinct(func(r Request) string { return r.Visitor })
	table := pipeline.NewTable("visitors", visitors.Codec)
	topology := pipeline.New("app").From(requests).Add(processors.AggregateBy("visitors", requests, visitors, table))
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		some(d)
		fmt.Println(pipelinetest.Rows(d, table)["server"].Estimate())
	})
	// Output: 7
}

func ExampleQuantiles() {
	latency := aggregate.Quantiles(func(r Request) float64 { return r.Millis })
	table := pipeline.NewTable("latency", latency.Codec)
	topology := pipeline.New("app").From(requests).Add(processors.AggregateBy("latency", requests, latency, table))
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		some(d)
		d.Restart()
		fmt.Printf("%.0f ms\n", pipelinetest.Rows(d, table)["server"].Quantile(0.5))
	})
	// Output: 49 ms
}

func ExampleTopK() {
	slowest := aggregate.TopK(2, func(a, b Request) int { return cmp.Compare(a.Millis, b.Millis) }, codec.JSON[Request]())
	table := pipeline.NewTable("slowest", slowest.Codec)
	topology := pipeline.New("app").From(requests).Add(processors.AggregateBy("slowest", requests, slowest, table))
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		some(d)
		for _, r := range pipelinetest.Rows(d, table)["server"] {
			fmt.Println(r.Path, r.Millis)
		}
	})
	// Output:
	// /99 99
	// /98 98
}

func ExampleAverage() {
	mean := aggregate.Average(func(r Request) float64 { return r.Millis })
	table := pipeline.NewTable("mean", mean.Codec)
	topology := pipeline.New("app").From(requests).Add(processors.AggregateBy("mean", requests, mean, table))
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		some(d)
		fmt.Println(pipelinetest.Rows(d, table)["server"].Value())
	})
	// Output: 49.5
}

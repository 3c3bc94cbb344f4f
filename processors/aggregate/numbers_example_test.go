package aggregate_test

import (
	"fmt"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// showOf prints what an aggregation has of the requests to one server.
func showOf[A any](f aggregate.Func[Request, A]) {
	table := pipeline.NewTable("aggregates", f.Codec)
	topology := pipeline.New("app").From(requests).Add(processors.AggregateBy("aggregate", requests, f, table))
	pipelinetest.Example(topology, func(d *pipelinetest.Driver) {
		some(d)
		fmt.Println(pipelinetest.Rows(d, table)["server"])
	})
}

func millis(r Request) float64 { return r.Millis }

func ExampleCount() {
	showOf(aggregate.Count[Request]())
	// Output: 100
}

func ExampleSum() {
	showOf(aggregate.Sum(millis))
	// Output: 4950
}

func ExampleMin() {
	showOf(aggregate.Min(millis))
	// Output: 0
}

func ExampleMax() {
	showOf(aggregate.Max(millis))
	// Output: 99
}

func ExampleReduce() {
	last := func(_ *pipeline.Context, _, r Request) (Request, error) { return r, nil }
	showOf(aggregate.Reduce(last, codec.JSON[Request]()))
	// Output: {1 /99 99}
}

// An aggregation of one's own: how many requests took longer than 90 ms.
func ExampleFold() {
	slow := aggregate.Fold(func() int64 { return 0 },
		func(_ *pipeline.Context, n int64, r Request) (int64, error) {
			if r.Millis > 90 {
				n++
			}
			return n, nil
		},
		func(_ *pipeline.Context, a, b int64) (int64, error) { return a + b, nil }, // for sessions
		codec.Int64())
	showOf(slow)
	// Output: 9
}

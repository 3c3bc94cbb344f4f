package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// An order and its payment belong together if the payment comes within ten
// minutes after the order. What is not paid by then is told at once.
func ExampleLeftJoinStreams() {
	orders := pipeline.NewTopic("orders", codec.String())
	payments := pipeline.NewTopic("payments", codec.Int64())
	outcomes := pipeline.NewTopic("outcomes", codec.String())

	p := processors.LeftJoinStreams("pay", orders, payments, processors.Within(0).After(10*time.Minute), outcomes,
		func(_ *pipeline.Context, order string, cents int64, ok bool) (string, error) {
			if !ok {
				return order + " was not paid", nil
			}
			return fmt.Sprintf("%s was paid with %d", order, cents), nil
		})
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	pipelinetest.Example(pipeline.New("app").From(orders, payments).Add(p).To(outcomes), func(d *pipelinetest.Driver) {
		d.Send(orders.Record("1", "tea").At(noon),
			orders.Record("2", "cake").At(noon.Add(time.Minute)),
			payments.Record("1", 450).At(noon.Add(10*time.Minute)), // just in time
			payments.Record("2", 900).At(noon.Add(12*time.Minute)))
		for _, m := range pipelinetest.Read(d, outcomes) {
			fmt.Println(m.Time.Format("15:04"), m.Key, m.Value)
		}
	})
	// Output:
	// 12:10 1 tea was paid with 450
	// 12:01 2 cake was not paid
}

// Pairs of records of many keys, each a second after the other.
func BenchmarkJoinStreams(b *testing.B) {
	for _, kind := range []string{"inner", "left", "outer"} {
		b.Run(kind, func(b *testing.B) {
			benchmark(b, joinStreams(kind, window{60_000, 60_000, 0}), func(i int) pipeline.Record {
				key := fmt.Sprint("key-", i/2%10_000)
				if i%2 == 0 {
					return lefts.Record(key, "some value of a left record").At(at(int64(i)))
				}
				return rights.Record(key, int64(i)).At(at(int64(i)))
			})
		})
	}
}

// benchmark runs records through a topology, b.N of them and some before, and
// waits until all that they caused is committed.
func benchmark(b *testing.B, t *pipeline.Topology, record func(i int) pipeline.Record) {
	const fill = 20_000 // so that there is some state
	rs := make([]pipeline.Record, fill+b.N)
	for i := range rs {
		rs[i] = record(i)
	}
	err := pipelinetest.Run(t, func(d *pipelinetest.Driver) {
		d.Pipe(rs[:fill]...)
		b.ResetTimer()
		d.Pipe(rs[fill:]...)
		b.StopTimer()
	})
	if err != nil {
		b.Fatal(err)
	}
}

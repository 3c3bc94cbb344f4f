package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

// BenchmarkOperators measures those that have little or no state, or that of a row
// for each key.
func BenchmarkOperators(b *testing.B) {
	seen := pipeline.NewTable("seen", codec.JSON[time.Time]())
	add := func(_ *pipeline.Context, v, n int64) (int64, error) { return v + n, nil }
	for _, c := range []struct {
		name string
		p    *pipeline.Processor
		with []pipeline.Ref // beside numbers
		to   pipeline.Ref   // nil: a table of the processor's own
	}{
		{"Map", processors.Map("p", numbers, results, func(_ *pipeline.Context, n int64) (int64, error) { return n + 1, nil }), nil, results},
		{"Dedupe", processors.Dedupe("p", numbers, results, seen, 10*time.Second), nil, results},
		{"Count", processors.Count("p", numbers, sums), nil, nil},
		{"Join", processors.Join("p", numbers, rightTable, results, add), []pipeline.Ref{rightTable}, results},
		{"JoinGlobal", processors.JoinGlobal("p", numbers, rightTable,
			func(ctx *pipeline.Context, _ int64) (string, bool) { return ctx.Key(), true }, results, add), []pipeline.Ref{rightTable}, results},
		{"Repartition", processors.Repartition("p", numbers, results,
			func(_ *pipeline.Context, n int64) (string, error) { return fmt.Sprint(n), nil }), nil, results},
	} {
		b.Run(c.name, func(b *testing.B) {
			t := pipeline.New("t").From(numbers).From(c.with...).Add(c.p)
			if c.to != nil {
				t = t.To(c.to)
			}
			benchmark(b, t, func(i int) pipeline.Record {
				key := fmt.Sprint("key-", i%10_000)
				if c.with != nil && i < 10_000 {
					return rightTable.Row(key, int64(i)).At(at(int64(i)))
				}
				return numbers.Record(key, int64(i)).At(at(int64(i)))
			})
		})
	}
}

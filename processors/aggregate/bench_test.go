package aggregate_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/millrace/millrace/processors/aggregate"
)

// What one more value costs, copy and all, by how many there are.
func BenchmarkDistinct(b *testing.B) {
	f := aggregate.Distinct(func(n int64) string { return strconv.FormatInt(n, 10) })
	for _, n := range []int64{10, 100, 1000, 4000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, _ := f.First(nil, 0)
			for i := range n {
				a, _ = f.Add(nil, a, i)
			}
			for b.Loop() {
				_, _ = f.Add(nil, a, 7)
			}
			enc, _ := f.Codec.Append(nil, a)
			b.ReportMetric(float64(len(enc)), "bytes")
		})
	}
}

func BenchmarkQuantiles(b *testing.B) {
	f := aggregate.Quantiles(asFloat)
	for _, n := range []int64{10, 1000, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a, _ := f.First(nil, 0)
			for i := range n {
				a, _ = f.Add(nil, a, i)
			}
			for b.Loop() {
				_, _ = f.Add(nil, a, 7)
			}
			enc, _ := f.Codec.Append(nil, a)
			b.ReportMetric(float64(len(enc)), "bytes")
		})
	}
}

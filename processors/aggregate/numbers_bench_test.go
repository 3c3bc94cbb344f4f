package aggregate_test

import (
	"cmp"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors/aggregate"
)

// What one more value costs where the aggregate is small.
func BenchmarkNumbers(b *testing.B) {
	sum := func(_ *pipeline.Context, a, v int64) (int64, error) { return a + v, nil }
	b.Run("Count", func(b *testing.B) { add(b, aggregate.Count[int64]()) })
	b.Run("Sum", func(b *testing.B) { add(b, aggregate.Sum(itself)) })
	b.Run("Min", func(b *testing.B) { add(b, aggregate.Min(itself)) })
	b.Run("Max", func(b *testing.B) { add(b, aggregate.Max(itself)) })
	b.Run("Average", func(b *testing.B) { add(b, aggregate.Average(asFloat)) })
	b.Run("Reduce", func(b *testing.B) { add(b, aggregate.Reduce(sum, codec.Int64())) })
	b.Run("Fold", func(b *testing.B) {
		add(b, aggregate.Fold(func() int64 { return 0 }, sum, nil, codec.Int64()))
	})
}

func BenchmarkTopK(b *testing.B) {
	add(b, aggregate.TopK(10, cmp.Compare[int64], codec.Int64()))
}

func add[A any](b *testing.B, f aggregate.Func[int64, A]) {
	a, err := f.First(nil, 0)
	var i int64
	for b.Loop() && err == nil {
		i++
		a, err = f.Add(nil, a, i)
	}
	if err != nil {
		b.Fatal(err)
	}
}

package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// What a record costs in each kind of windows, driver and cluster in memory and all:
// of a thousand keys, a record of each every second, a tenth of them out of order.
// Dedupe without a window is what a record with state costs at least.
func BenchmarkWindow(b *testing.B) {
	const keys = 1000
	in, out := pipeline.NewTopic("in", codec.Int64()), pipeline.NewTopic("out", codec.Int64())
	table := pipeline.NewTable("windows", processors.Panes(codec.Int64()))
	record := func(i int) pipeline.Record {
		at := start.Add(time.Duration(i) * time.Second / keys)
		if i%10 == 0 {
			at = at.Add(-3 * time.Second)
		}
		return in.Record(fmt.Sprint("key-", i%keys), 1).At(at)
	}
	for _, w := range []struct {
		name string
		w    processors.Windows
	}{
		{"tumbling", processors.Tumbling(10 * time.Second).Grace(5 * time.Second)},
		{"hopping-5", processors.Hopping(10*time.Second, 2*time.Second).Grace(5 * time.Second)},
		{"sliding-5", processors.Sliding(5 * time.Second).Grace(5 * time.Second)},
		{"session", processors.Session(3 * time.Second).Grace(5 * time.Second)},
		{"count-10", processors.CountWindow(10)},
	} {
		b.Run(w.name, func(b *testing.B) {
			p := processors.Window("w", in, w.w, aggregate.Count[int64](), table, processors.EmitFinal(out))
			benchmark(b, pipeline.New("b").From(in).Add(p).To(out), record)
		})
	}
	late := pipeline.NewTopic("late", codec.Int64())
	for name, opts := range map[string][]processors.WindowOption{
		"updates": {processors.EmitUpdates(out)}, "every-2s": {processors.EmitEvery(2*time.Second, out)},
		"late": {processors.EmitFinal(out), processors.LateTo(late)},
	} {
		b.Run("tumbling-"+name, func(b *testing.B) {
			p := processors.Window("w", in, processors.Tumbling(10*time.Second), aggregate.Count[int64](), table, opts...)
			t := pipeline.New("b").From(in).Add(p).To(out)
			if name == "late" {
				t = t.To(late)
			}
			benchmark(b, t, record)
		})
	}
	b.Run("dedupe", func(b *testing.B) {
		benchmark(b, pipeline.New("b").From(in).Add(processors.Dedupe("w", in, out, times, 0)).To(out), record)
	})
}

package aggregate_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors/aggregate"
)

// folded is the aggregate of values that come in parts, each of which is encoded
// and decoded, and which are merged then: as those of sessions are.
func folded[V, A any](t interface{ Fatal(...any) }, f aggregate.Func[V, A], parts ...[]V) (a A) {
	for i, part := range parts {
		var next A
		for j, v := range part {
			var err error
			if j == 0 {
				next, err = f.First(nil, v)
			} else {
				next, err = f.Add(nil, next, v)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		b, err := f.Codec.Append(nil, next)
		if err != nil {
			t.Fatal(err)
		}
		if next, err = f.Codec.Decode(b); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			a = next
		} else if a, err = f.Merge(nil, a, next); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// parts draws values and cuts them into parts, none of them empty.
func parts(t *rapid.T) (all []int64, parts [][]int64) {
	parts = rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(-100, 100), 1, 8), 1, 4).Draw(t, "parts")
	return slices.Concat(parts...), parts
}

func itself(n int64) int64    { return n }
func asFloat(n int64) float64 { return float64(n) }

// However the values are parted, the aggregate is that of all.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, parts := parts(t)
		sum := int64(0)
		for _, n := range all {
			sum += n
		}
		for name, v := range map[string]struct{ got, want int64 }{
			"count":  {folded(t, aggregate.Count[int64](), parts...), int64(len(all))},
			"sum":    {folded(t, aggregate.Sum(itself), parts...), sum},
			"min":    {folded(t, aggregate.Min(itself), parts...), slices.Min(all)},
			"max":    {folded(t, aggregate.Max(itself), parts...), slices.Max(all)},
			"floats": {int64(folded(t, aggregate.Max(asFloat), parts...)), slices.Max(all)},
			"reduce": {folded(t, aggregate.Reduce(func(_ *pipeline.Context, a, _ int64) (int64, error) { return a, nil }, codec.Int64()), parts...), all[0]},
			"fold": {folded(t, aggregate.Fold(func() int64 { return 0 },
				func(_ *pipeline.Context, a, n int64) (int64, error) { return a + 2*n, nil },
				func(_ *pipeline.Context, a, b int64) (int64, error) { return a + b, nil }, codec.Int64()), parts...), 2 * sum},
		} {
			if v.got != v.want {
				t.Fatalf("%s of %v is %d, want %d", name, parts, v.got, v.want)
			}
		}
		mean := folded(t, aggregate.Average(asFloat), parts...)
		if want := float64(sum) / float64(len(all)); math.Abs(mean.Value()-want) > 1e-9 {
			t.Fatalf("average of %v is %v, want %v", parts, mean.Value(), want)
		}
	})
	if v := (aggregate.Mean{}).Value(); !math.IsNaN(v) {
		t.Errorf("the average of nothing is %v", v)
	}
}

// roundTrip checks that what decodes encodes to what decodes to the same bytes.
func roundTrip[A any](t *testing.T, c codec.Codec[A], b []byte) {
	a, err := c.Decode(b)
	if err != nil {
		return
	}
	once, err := c.Append(nil, a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Decode(once)
	if err != nil {
		t.Fatalf("%q became %q, which does not decode: %v", b, once, err)
	}
	if twice, err := c.Append(nil, again); err != nil || !bytes.Equal(once, twice) {
		t.Errorf("%q became %q, then %q: %v", b, once, twice, err)
	}
}

func FuzzMeanCodec(f *testing.F) {
	f.Add([]byte("too short"))
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, aggregate.MeanCodec(), b) })
}

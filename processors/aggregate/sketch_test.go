package aggregate_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors/aggregate"
)

func TestTopK(t *testing.T) {
	type item struct{ n, order int64 } // of equal n the earlier ones stay
	byN := func(a, b item) int { return cmp.Compare(a.n, b.n) }
	rapid.Check(t, func(t *rapid.T) {
		_, ns := parts(t)
		k := rapid.IntRange(1, 6).Draw(t, "k")
		var all []item
		var items [][]item
		for _, part := range ns {
			var is []item
			for _, n := range part {
				is = append(is, item{n / 20, int64(len(all))})
				all = append(all, is[len(is)-1])
			}
			items = append(items, is)
		}
		slices.SortStableFunc(all, func(a, b item) int { return -byN(a, b) })
		want := all[:min(k, len(all))]
		c := codec.New("item", func(i item) ([]byte, error) { return json.Marshal([]int64{i.n, i.order}) },
			func(b []byte) (item, error) {
				var ns [2]int64
				err := json.Unmarshal(b, &ns)
				return item{ns[0], ns[1]}, err
			})
		if got := folded(t, aggregate.TopK(k, byN, c), items...); !slices.Equal(got, want) {
			t.Fatalf("top %d of %v are %v, want %v", k, items, got, want)
		}
	})
}

// The sketches' promises, at values that do not change.
func TestDistinct(t *testing.T) {
	f := aggregate.Distinct(func(n int64) string { return fmt.Sprint("visitor-", n) })
	for _, n := range []int64{1, 10, 1000, 6000} {
		half, all := []int64{}, []int64{}
		for i := range n {
			if i <= n/2 {
				half = append(half, i, i)
			}
			all = append(all, i)
		}
		got := folded(t, f, half, all).Estimate()
		if off := math.Abs(float64(got-n)) / float64(n); off > 0.03 {
			t.Errorf("%d different values are estimated to be %d", n, got)
		}
	}
	b, err := f.Codec.Append(nil, folded(t, f, slices.Repeat([]int64{1}, 3)))
	if err != nil || len(b) > 100 {
		t.Errorf("one value takes %d bytes: %v", len(b), err)
	}
}

func TestQuantiles(t *testing.T) {
	f := aggregate.Quantiles(asFloat)
	var a, b []int64
	for i := range int64(10_000) {
		if i%3 == 0 {
			a = append(a, i-2000)
		} else {
			b = append(b, i-2000)
		}
	}
	d := folded(t, f, a, b)
	if d.Count() != 10_000 {
		t.Errorf("%d values, want 10000", d.Count())
	}
	for _, q := range []float64{0, 0.1, 0.2, 0.5, 0.9, 0.99, 1} {
		want := -2000 + q*9999
		if got := d.Quantile(q); math.Abs(got-want) > 0.011*math.Abs(want)+1 {
			t.Errorf("the %v quantile is %v, want about %v", q, got, want)
		}
	}
	if v := d.Quantile(2); !math.IsNaN(v) {
		t.Errorf("the 2 quantile is %v", v)
	}
	if _, err := f.Add(nil, d, math.MaxInt64); err != nil {
		t.Error(err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := aggregate.Quantiles(func(v float64) float64 { return v }).First(nil, v); err == nil {
			t.Errorf("%v was added", v)
		}
	}
	// Values that are far apart: the bound on the size holds.
	wide := aggregate.Quantiles(func(v float64) float64 { return v })
	var vs []float64
	for e := -300.0; e < 300; e += 0.05 {
		vs = append(vs, math.Pow(10, e), -math.Pow(10, e))
	}
	enc, err := wide.Codec.Append(nil, folded(t, wide, vs))
	if err != nil || len(enc) > 40<<10 {
		t.Errorf("%d values take %d bytes: %v", len(vs), len(enc), err)
	}
}

// An aggregate that was got is not changed by what is added.
func TestSketchesAreNotChangedInPlace(t *testing.T) {
	d, q := aggregate.Distinct(func(n int64) string { return fmt.Sprint(n) }), aggregate.Quantiles(asFloat)
	d1, q1 := folded(t, d, []int64{1, 2}), folded(t, q, []int64{1, 2})
	for n := range int64(50) {
		if _, err := d.Add(nil, d1, n); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Add(nil, q1, n); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // Estimate rearranges a sketch
		if _, err := d.Merge(nil, d1, d1); err != nil || d1.Estimate() != 2 {
			t.Errorf("two values became %d: %v", d1.Estimate(), err)
		}
	}
	if q1.Count() != 2 {
		t.Errorf("two values became %d", q1.Count())
	}
}

// Views show what a sketch says, the zero value too.
func TestSketchesAsJSON(t *testing.T) {
	d, q := aggregate.Distinct(func(n int64) string { return fmt.Sprint(n) }), aggregate.Quantiles(asFloat)
	for _, v := range []struct {
		value any
		want  string
	}{
		{folded(t, d, []int64{1, 2, 2}), "2"},
		{aggregate.Cardinality{}, "0"},
		{folded(t, q, []int64{0, 0, 0}), `{"count":3,"max":0,"min":0,"p50":0,"p90":0,"p99":0}`},
		{aggregate.Distribution{}, `{"count":0}`},
	} {
		if b, err := json.Marshal(v.value); err != nil || strings.TrimSpace(string(b)) != v.want {
			t.Errorf("%s, want %s: %v", b, v.want, err)
		}
	}
}

func FuzzCardinalityCodec(f *testing.F) {
	c := aggregate.CardinalityCodec()
	agg := aggregate.Distinct(func(n int64) string { return fmt.Sprint(n) })
	var many []int64
	for i := range int64(300) {
		many = append(many, i)
	}
	for _, ns := range [][]int64{{1}, {1, 2, 3}, many} {
		b, err := c.Append(nil, folded(f, agg, ns))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := c.Decode(b)
		if err != nil {
			return
		}
		enc, err := c.Append(nil, a)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Decode(enc)
		if err != nil || again.Estimate() != a.Estimate() {
			t.Errorf("%d became %d: %v", a.Estimate(), again.Estimate(), err)
		}
		if _, err := agg.Merge(nil, a, again); err != nil {
			t.Error(err)
		}
	})
}

func FuzzDistributionCodec(f *testing.F) {
	c := aggregate.DistributionCodec()
	for _, ns := range [][]int64{{0}, {1, 2, 3}, {-5, 0, 1_000_000}} {
		b, err := c.Append(nil, folded(f, aggregate.Quantiles(asFloat), ns))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := c.Decode(b)
		if err != nil {
			return
		}
		_, _ = d.Count(), d.Quantile(0.5)
		roundTrip(t, c, b)
	})
}

func FuzzListCodec(f *testing.F) {
	c := aggregate.TopK(3, strings.Compare, codec.String()).Codec
	f.Add([]byte("\x02\x01a\x00"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, c, b) })
}

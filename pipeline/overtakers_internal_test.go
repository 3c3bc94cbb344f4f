package pipeline

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/graph"
)

func TestOvertakersCodec(t *testing.T) {
	c := overtakersCodec()
	rapid.Check(t, func(t *rapid.T) {
		o := overtakers{From: rapid.Int64Range(0, 1<<40).Draw(t, "from")}
		last := o.From
		for _, d := range rapid.SliceOf(rapid.Int64Range(1, 1000)).Draw(t, "distances") {
			o.Waiting = append(o.Waiting, last)
			last += d
		}
		o.End = last + rapid.Int64Range(0, 10).Draw(t, "more")
		b, err := c.Append(nil, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Decode(b)
		if err != nil || got.From != o.From || got.End != o.End || !slices.Equal(got.Waiting, o.Waiting) {
			t.Fatalf("%+v became %+v, %v", o, got, err)
		}
		for offset := o.From - 2; offset < min(o.End+2, o.From+3000); offset++ {
			want := offset >= o.From && offset < o.End && !slices.Contains(o.Waiting, offset)
			if graph.Overtakers(got).Has(offset) != want {
				t.Fatalf("%+v has %d: %v", got, offset, !want)
			}
		}
	})
}

func FuzzOvertakers(f *testing.F) {
	c := overtakersCodec()
	for _, o := range []overtakers{{}, {From: 5, End: 9, Waiting: []int64{5, 7}}} {
		b, _ := c.Append(nil, o)
		f.Add(b)
	}
	f.Add([]byte{5})
	f.Add([]byte{5, 2, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := c.Decode(b)
		if err != nil {
			return
		}
		if len(o.Waiting) > len(b) || len(o.Waiting) > 0 && (!slices.IsSorted(o.Waiting) || o.Waiting[len(o.Waiting)-1] >= o.End) {
			t.Errorf("%x is %+v", b, o)
		}
	})
}

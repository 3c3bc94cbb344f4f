package measure

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestParseHeaps(t *testing.T) {
	got, err := ParseHeaps("512m,64m,1g,64m")
	if err != nil || !slices.Equal(got, []Heap{64, 512, 1024}) || got[2].String() != "1024m" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"64", "m", "-1m", "64m,", "0g", "1.5g", "9999999999m"} {
		if got, err := ParseHeaps(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if got, err := ParseHeaps(""); err != nil || got != nil {
		t.Errorf("empty: %v, %v", got, err)
	}
}

func TestSmallestHeap(t *testing.T) {
	tooSmall := errors.New("out of memory")
	for name, tt := range map[string]struct {
		rates map[Heap]int64 // records in a second; 0: it fails
		want  Heap
		tried int
		err   bool
	}{
		"the second":                  {rates: map[Heap]int64{64: 0, 128: 960, 256: 990, 512: 1000}, want: 128, tried: 3},
		"five percent are too many":   {rates: map[Heap]int64{64: 900, 128: 950, 256: 990, 512: 1000}, want: 256, tried: 4},
		"the smallest is the fastest": {rates: map[Heap]int64{64: 1100, 512: 1000}, want: 64, tried: 2},
		"none but the greatest":       {rates: map[Heap]int64{64: 0, 128: 10, 512: 1000}, want: 512, tried: 3},
		"not even the greatest":       {rates: map[Heap]int64{64: 1000, 512: 0}, tried: 1, err: true},
		"no heaps":                    {err: true},
	} {
		t.Run(name, func(t *testing.T) {
			var heaps []Heap
			for h := range tt.rates {
				heaps = append(heaps, h)
			}
			tried := 0
			got, r, err := SmallestHeap(heaps, func(h Heap) (Result, error) {
				tried++
				if tt.rates[h] == 0 {
					return Result{}, tooSmall
				}
				return Result{Records: tt.rates[h], Wall: time.Second, Peak: int64(h)}, nil
			})
			if got != tt.want || tried != tt.tried || (err != nil) != tt.err {
				t.Errorf("%s after %d runs, %v; want %s after %d", got, tried, err, tt.want, tt.tried)
			}
			if err == nil && r.Peak != int64(got) {
				t.Errorf("the result of %d, not of %s", r.Peak, got)
			}
		})
	}
}

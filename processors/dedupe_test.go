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

// firsts is the model of Dedupe: as long as nothing is late.
func firsts(rs []rec, window int64) (want []rec) {
	passed := map[string][]int64{}
	for _, r := range rs {
		dup := false
		for _, at := range passed[r.key] {
			dup = dup || window == 0 || max(at-r.at, r.at-at) < window
		}
		if !dup {
			passed[r.key] = append(passed[r.key], r.at)
			want = append(want, rec{key: r.key, n: r.n})
		}
	}
	return want
}

func TestDedupe(t *testing.T) {
	for _, window := range []int64{0, 50, 1000} { // records span 100 s: never late with these
		t.Run(fmt.Sprint(window), func(t *testing.T) {
			check(t, func() *pipeline.Topology {
				return pipeline.New("t").From(numbers).To(results).Add(
					processors.Dedupe("dedupe", numbers, results, times, time.Duration(window)*time.Second))
			}, numbers, read(results), func(rs []rec) []rec { return firsts(rs, window) })
		})
	}
}

func TestDedupeBy(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results).Add(processors.DedupeBy("dedupe", numbers, results, times, 0,
			codec.Int64(), func(n int64) string { return fmt.Sprint(n) }))
	}, numbers, read(results), func(rs []rec) (want []rec) {
		seen := map[int64]bool{}
		for _, r := range rs {
			if !seen[r.n] {
				seen[r.n] = true
				want = append(want, rec{key: r.key, n: r.n})
			}
		}
		return want
	})
}

// Over a long time the state stays as large as a few windows' keys.
func TestDedupeStateIsBounded(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
		processors.Dedupe("dedupe", numbers, results, times, time.Minute)))
	at, sent := start, 0
	for range 20 {
		var rs []pipeline.Record
		for i := range 100 {
			at = at.Add(6 * time.Second) // ten keys in a window
			rs = append(rs, numbers.Record(fmt.Sprint("key-", sent+i), 1).At(at))
		}
		sent += len(rs)
		d.Pipe(rs...)
		if n := len(pipelinetest.Rows(d, times)); n > 10*4+2 {
			t.Fatalf("%d entries after %d keys, want those of about three windows", n, sent)
		}
	}
	if got := len(pipelinetest.Read(d, results)); got != sent {
		t.Errorf("%d of %d unique records came out", got, sent)
	}
}

// A segment of many keys is deleted in steps, each of which goes on where the one
// before it ended, until nothing is left of it.
func TestDedupeEvictsManyKeys(t *testing.T) {
	const many = 1500
	for _, at := range []time.Time{start, time.UnixMilli(-1234)} {
		d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
			processors.Dedupe("dedupe", numbers, results, times, time.Minute)))
		var rs []pipeline.Record
		for i := range many {
			rs = append(rs, numbers.Record(fmt.Sprint("key-", i), 1).At(at))
		}
		d.Pipe(rs...)
		left := many + 2 // with the two about the partition
		for i := range 40 {
			at := at.Add(5*time.Minute + time.Duration(i)*time.Millisecond)
			d.Pipe(numbers.Record(fmt.Sprint("later-", i), 1).At(at))
			left = left - min(left-i-2, 64) + 1
			if n := len(pipelinetest.Rows(d, times)); n != left {
				t.Fatalf("%v: %d entries after %d later records, want %d", at, n, i+1, left)
			}
		}
	}
}

// What comes too late to judge is passed on.
func TestDedupeLateRecordIsKept(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
		processors.Dedupe("dedupe", numbers, results, times, time.Minute)))
	d.Send(numbers.Record("a", 1).At(start), numbers.Record("b", 2).At(start.Add(time.Hour)), numbers.Record("a", 3).At(start))
	d.Expect(results.Record("a", 1), results.Record("b", 2), results.Record("a", 3))
}

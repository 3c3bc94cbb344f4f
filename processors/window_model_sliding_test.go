package processors_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/processors"
)

// KIP-450's definition: of each record at t the window [t-d, t], and the window
// [t+1, t+1+d] if there are records in it. With enough grace nothing is late, and
// the order of the records does not matter.
func TestSlidingWindowsAreThoseOfABatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		es := events(rt)
		d := draw(rt, "difference", 0, 1, 5, 20, 60)
		want := map[string]outcome{}
		for _, e := range es {
			starts := []int64{e.at + 1, max(e.at-d, 0)} // before 1970+d: together in [0, d]
			for _, start := range starts {
				var o outcome
				for _, in := range es {
					if in.key == e.key && start <= in.at && in.at <= start+d {
						o = o.add(in)
					}
				}
				if len(o.ns) > 0 {
					want[processors.WindowKey(e.key, time.UnixMilli(start))] = o
				}
			}
		}
		got, late, _ := replayed(t, rt, processors.Sliding(millis(d)).Grace(time.Second), es, 100_000)
		compare(rt, es, got, late, want, nil)
	})
}

// With less grace a window has no record that came after it closed. A record whose
// left window is open is in all of its windows that are open; one whose left window
// is closed is in those that are there when it comes, and if there is none it is
// late; as in Kafka Streams, windows that are made later may have it although they
// begin after it.
func TestSlidingWindowsWithLateRecords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		es := events(rt)
		d, grace := draw(rt, "difference", 1, 5, 20), draw(rt, "grace", 0, 3, 10)
		got, late, _ := replayed(t, rt, processors.Sliding(millis(d)).Grace(millis(grace)), es, 100_000)
		now, taken := int64(0), map[int64]bool{}
		for _, o := range got {
			for _, n := range o.ns {
				taken[n] = true
			}
		}
		for _, e := range es {
			now = max(now, e.at)
			left := max(e.at, d) >= now-grace // is open
			if isLate := slices.Contains(late, e.n); isLate == taken[e.n] || isLate && left {
				rt.Fatalf("events %v, windows %v: %v is late: %v", es, got, e, isLate)
			}
			for k, o := range got {
				key, at, err := processors.ParseWindowKey(k)
				if err != nil {
					rt.Fatal(err)
				}
				start := at.UnixMilli()
				may := key == e.key && start <= e.at && e.at <= start+d && start+d >= now-grace
				if !left {
					may = key == e.key
				}
				if has := slices.Contains(o.ns, e.n); has && !may || may && left && !has {
					rt.Fatalf("events %v: the window at %d has %v: that it has %v is wrong", es, start, o, e)
				}
			}
			if left {
				if _, ok := got[processors.WindowKey(e.key, time.UnixMilli(max(e.at-d, 0)))]; !ok {
					rt.Fatalf("events %v: no left window of %v", es, e)
				}
			}
		}
	})
}

func TestCountWindowsAreThoseOfABatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		es := events(rt)
		for i := range es { // in order, and apart: each window has a key of its own
			es[i].at = int64(i)
		}
		n := draw(rt, "records", 1, 2, 3, 10)
		want := map[string]outcome{}
		of := map[string][]event{}
		for _, e := range es {
			of[e.key] = append(of[e.key], e)
		}
		for k, es := range of {
			for part := range slices.Chunk(es, int(n)) {
				var o outcome
				for _, e := range part {
					o = o.add(e)
				}
				want[processors.WindowKey(k, time.UnixMilli(part[0].at))] = o
			}
		}
		got, late, _ := replayed(t, rt, processors.CountWindow(n).Retain(time.Second), es, 100_000)
		compare(rt, es, got, late, want, nil)
	})
}

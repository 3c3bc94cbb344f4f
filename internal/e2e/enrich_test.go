package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/processors"
)

// orders are those in which a call's result can be emitted, by the processor that
// does so. Its topic has the same name.
var orders = map[string]pipeline.Order{"in-order": pipeline.PartitionOrder, "by-key": pipeline.KeyOrder, "unordered": pipeline.Unordered}

// asked passes each record on, after a call, in each of the orders.
func (a app) asked(call func(ctx context.Context, key, v string) (string, error), opts ...processors.CallOption) *pipeline.Topology {
	t := pipeline.New(string(a)).From(a.str("in"))
	for _, name := range slices.Sorted(maps.Keys(orders)) {
		out := a.str(name)
		t.Add(processors.Enrich(name, a.str("in"), out, call,
			append([]processors.CallOption{processors.CallOrder(orders[name])}, opts...)...)).To(out)
	}
	return t
}

// enriched is asked with calls of about two milliseconds, of which some take 30.
func (a app) enriched() *pipeline.Topology {
	return a.asked(func(ctx context.Context, _, v string) (string, error) {
		n, err := strconv.Atoi(v)
		if err != nil {
			return "", pipeline.Permanent(err)
		}
		took := 2 * time.Millisecond
		if n%40 == 7 {
			took = 30 * time.Millisecond
		}
		select {
		case <-time.After(took):
			return v, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}, processors.CallsAtOnce(8, 100))
}

// A call hangs. Results overtake it where they may and are committed; the offset
// waits for it. The service is stopped and started again: each result is there
// once, in its order.
func TestEnrichRestarts(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		a := app(w.app)
		if err := w.cluster.Create(w.ctx, transport.TopicSpec{Name: a.topic("in"), Partitions: 1}); err != nil {
			w.Fatal(err)
		}
		const n, hung, ahead = 400, 50, 100
		var hang atomic.Bool
		hang.Store(true)
		topology := func() *pipeline.Topology {
			return a.asked(func(ctx context.Context, _, v string) (string, error) {
				if v == fmt.Sprint(hung) && hang.Load() {
					<-ctx.Done()
					return "", ctx.Err()
				}
				return v, nil
			}, processors.CallsAtOnce(8, ahead), processors.CallTimeout(time.Hour))
		}
		var rs []*transport.Record
		for i := range n {
			rs = append(rs, record(a.topic("in"), fmt.Sprint("key-", i%10), fmt.Sprint(i)))
		}
		s := w.ready(w.start("m", topology(), guarantee))
		w.send(rs...)
		for name, want := range map[string]int{
			"in-order": hung,
			// A tenth of those ahead has the key of the one that waits, until as many wait as are looked at.
			"by-key":    hung + ahead - ahead/10,
			"unordered": hung + ahead - 1,
		} {
			w.until(fmt.Sprint(want, " results of ", name), func() bool { return len(w.read(a.topic(name))) >= want })
			if got := len(w.read(a.topic(name))); got != want {
				w.Errorf("%s: %d results while a call hangs, want %d", name, got, want)
			}
			w.until("the offset of "+name, func() bool {
				o, err := w.cluster.GroupOffsets(w.ctx, a.group(name))
				return err == nil && o[a.topic("in")][0] >= hung
			})
			if o, err := w.cluster.GroupOffsets(w.ctx, a.group(name)); err != nil || o[a.topic("in")][0] != hung {
				w.Errorf("%s: offset %v is committed while the call for %d hangs, %v", name, o, hung, err)
			}
		}
		if err := s.stop(); err != nil {
			w.Fatal(err)
		}
		hang.Store(false)
		s = w.start("m", topology(), guarantee)
		for name := range orders {
			w.settled(a.group(name), a.topic("in"))
			w.results(a.topic(name), orders[name], n, true)
		}
		if err := s.stop(); err != nil {
			w.Fatal(err)
		}
	})
}

// results judges the results for the numbers below n in a topic.
func (w *world) results(topic string, order pipeline.Order, n int, exact bool) {
	w.Helper()
	times, last := make([]int, n), map[string]int{}
	lost, twice, swapped := 0, 0, 0
	for _, r := range w.read(topic) {
		v, err := strconv.Atoi(string(r.Value))
		if err != nil || v < 0 || v >= n {
			w.Errorf("%s: %q came from nowhere", topic, r.Value)
			continue
		}
		times[v]++
		by := map[pipeline.Order]string{pipeline.PartitionOrder: fmt.Sprint(r.Partition), pipeline.KeyOrder: string(r.Key)}[order]
		if before, ok := last[by]; ok && before > v {
			swapped++
		}
		last[by] = v
	}
	for _, k := range times {
		if k == 0 {
			lost++
		}
		twice += max(0, k-1)
	}
	w.Logf("%s: of %d records %d were lost, %d came twice; %d came after a later one", topic, n, lost, twice, swapped)
	if lost > 0 || exact && twice > 0 {
		w.Errorf("%s: %d records were lost, %d came twice", topic, lost, twice)
	}
	if swapped > 0 && order != pipeline.Unordered && exact {
		w.Errorf("%s: %d records came after a later one", topic, swapped)
	}
}

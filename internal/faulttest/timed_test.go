//go:build kafka

package faulttest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// timed is what smoke and eos have that goes by time: the sum of each key's values
// in windows, of which every update and the last value are written, and a join of
// the input with its echo, in which each record meets those of its key and
// millisecond.
type timed struct {
	in, echo, joined        pipeline.Topic[int64]
	updates, final          pipeline.Topic[int64]
	sums                    pipeline.Table[processors.Pane[int64]]
	size, grace, joinsGrace time.Duration
}

func newTimed(prefix string, in, echo pipeline.Topic[int64]) *timed {
	i := codec.Int64()
	return &timed{
		in: in, echo: echo, joined: topicOf(prefix, "joined", i),
		updates: topicOf(prefix, "windows", i), final: topicOf(prefix, "final", i),
		sums: tableOf(prefix, "windows", processors.Panes(i)),
		size: 500 * time.Millisecond, grace: 500 * time.Millisecond,
		joinsGrace: 10 * time.Minute, // the echo may be late by as long as services are away
	}
}

// addTo adds the processors to a topology that makes the echo.
func (w *timed) addTo(t *pipeline.Topology) *pipeline.Topology {
	join := processors.JoinStreams("join", w.in, w.echo, processors.Within(0).Grace(w.joinsGrace), w.joined,
		func(_ *pipeline.Context, l, r int64) (int64, error) { return matched(l, r), nil })
	window := processors.Window("window", w.in, processors.Tumbling(w.size).Grace(w.grace),
		aggregate.Sum(func(n int64) int64 { return n }), w.sums, processors.EmitUpdates(w.updates), processors.EmitFinal(w.final))
	return t.Add(join, window).To(w.joined, w.updates, w.final)
}

// readBy adds what the processors read.
func (w *timed) readBy(processors map[string][]string) map[string][]string {
	processors["join"], processors["window"] = []string{w.in.Name(), w.echo.Name()}, []string{w.in.Name()}
	return processors
}

func matched(l, r int64) int64 { return l*eosValues + r }

// at is a record with its time, in ms.
type at struct {
	row
	ms int64
}

// inputs reads what went in.
func (w *timed) inputs(ctx context.Context, x *run) (in [partitions][]at, n int) {
	x.each(ctx, w.in.Name(), func(p int32, r *transport.Record) error {
		v, err := codec.Int64().Decode(r.Value)
		in[p] = append(in[p], at{row{x.intern(r.Key), v}, r.Timestamp.UnixMilli()})
		n++
		return err
	})
	return in, n
}

// rest waits until the windows that the last records close are emitted: that is
// committed after these records.
func (w *timed) rest(ctx context.Context, x *run) {
	var final rows
	in, _ := w.inputs(ctx, x)
	for p, rs := range in {
		_, final[p] = w.windows(rs)
	}
	x.awaitWindows(ctx, w.final.Name(), final)
}

// compare computes everything again, from the input and its times. Where records
// may have been repeated, no pair is missing, and the last value of no window is
// missing or too low.
func (w *timed) compare(ctx context.Context, x *run) (f figures) {
	x.Helper()
	var updates, final, joined rows
	in, _ := w.inputs(ctx, x)
	for p, rs := range in {
		updates[p], final[p] = w.windows(rs)
		joined[p] = pairs(rs)
	}
	f.add(x.compare(w.joined.Name(), inOrder(joined), inOrder(x.read(ctx, w.joined.Name()))))
	got := together(x.readWindows(ctx, w.final.Name()))
	if x.repeats() {
		sums := map[string]int64{}
		for _, r := range got[0] {
			sums[r.key] = max(sums[r.key], r.n)
		}
		for _, r := range together(final)[0] {
			if n, ok := sums[r.key]; !ok || n < r.n {
				x.Errorf("topic %s, window %q: %d (found: %t), want %d at least", w.final.Name(), r.key, n, ok, r.n)
				f.lost++
			}
		}
		f.compared += len(got[0])
		return f
	}
	f.add(x.compare(w.updates.Name(), inOrder(together(updates)), inOrder(together(x.readWindows(ctx, w.updates.Name())))))
	f.add(x.compare(w.final.Name(), inOrder(together(final)), inOrder(got)))
	return f
}

// windows are the updates of the sums of a partition's windows, and the last ones
// of those that are closed.
func (w *timed) windows(rs []at) (updates, final []row) {
	type window struct {
		key   string
		start int64
	}
	sums, streamTime := map[window]int64{}, int64(0)
	closed := func(start int64) bool { return start+(w.size+w.grace).Milliseconds() <= streamTime }
	for _, r := range rs {
		streamTime = max(streamTime, r.ms)
		k := window{r.key, r.ms - r.ms%w.size.Milliseconds()}
		if !closed(k.start) {
			sums[k] += r.n
			updates = append(updates, row{processors.WindowKey(k.key, time.UnixMilli(k.start)), sums[k]})
		}
	}
	for k, n := range sums {
		if closed(k.start) {
			final = append(final, row{processors.WindowKey(k.key, time.UnixMilli(k.start)), n})
		}
	}
	return updates, final
}

// pairs are the records that meet in a join of a partition with itself, at no
// distance of time.
func pairs(rs []at) (joined []row) {
	type moment struct {
		key string
		ms  int64
	}
	met := map[moment][]int64{}
	for _, r := range rs {
		k := moment{r.key, r.ms}
		met[k] = append(met[k], r.n)
	}
	for k, ns := range met {
		for _, l := range ns {
			for _, r := range ns {
				joined = append(joined, row{k.key, matched(l, r)})
			}
		}
	}
	return joined
}

// together forgets the partitions: a windowed key is in another one than its key.
func together(all rows) (one rows) {
	for _, rs := range all {
		one[0] = append(one[0], rs...)
	}
	return one
}

// inOrder sorts each partition, where the order is not that of the input.
func inOrder(all rows) rows {
	for _, rs := range all {
		slices.SortFunc(rs, func(a, b row) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.n, b.n)) })
	}
	return all
}

// readWindows reads sums by window; when a window is forgotten, its key is deleted.
func (x *run) readWindows(ctx context.Context, topic string) rows {
	x.Helper()
	var all rows
	x.each(ctx, topic, func(p int32, r *transport.Record) error {
		if r.Value == nil {
			return nil
		}
		n, err := codec.Int64().Decode(r.Value)
		all[p] = append(all[p], row{x.intern(r.Key), n})
		return err
	})
	return all
}

// awaitWindows reads until as many are there as are wanted, or time is up.
func (x *run) awaitWindows(ctx context.Context, topic string, want rows) {
	x.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		if len(together(x.readWindows(ctx, topic))[0]) >= len(together(want)[0]) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			return
		case <-ctx.Done():
			return
		}
	}
}

//go:build kafka

package faulttest

import (
	"context"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// The workload of Kafka Streams' EosTestClient: values below 10,000 of 20,000
// keys, over five partitions. Each record is passed on, and updates the least,
// the greatest and the sum of its key's values, and their number; each update
// is written. In the second form some of that is done behind another topic; the
// first has what goes by time, too: see timed.
const (
	eosKeys   = 20_000
	eosValues = 10_000
)

type eos struct {
	prefix                       string
	hop                          bool
	in, echo, repartition        pipeline.Topic[int64]
	outMin, outMax, outSum       pipeline.Topic[int64]
	outCount                     pipeline.Topic[int64]
	least, greatest, sum, number pipeline.Table[int64]
	*timed                       // nil in the second form
}

func newEOS(prefix string, hop bool) *eos {
	i := codec.Int64()
	w := &eos{
		prefix: prefix, hop: hop,
		in: topicOf(prefix, "in", i), echo: topicOf(prefix, "echo", i), repartition: topicOf(prefix, "repartition", i),
		outMin: topicOf(prefix, "min", i), outMax: topicOf(prefix, "max", i), outSum: topicOf(prefix, "sum", i),
		outCount: topicOf(prefix, "count", i),
		least:    tableOf(prefix, "min", i), greatest: tableOf(prefix, "max", i), sum: tableOf(prefix, "sum", i),
		number: tableOf(prefix, "count", i),
	}
	if !hop {
		w.timed = newTimed(prefix, w.in, w.echo)
	}
	return w
}

func (w *eos) name() string  { return w.prefix }
func (w *eos) input() string { return w.in.Name() }

func (w *eos) processors() map[string][]string {
	if w.hop {
		return map[string][]string{"first": {w.in.Name()}, "second": {w.repartition.Name()}}
	}
	return w.readBy(map[string][]string{"first": {w.in.Name()}})
}

func (w *eos) topology() *pipeline.Topology {
	first := pipeline.Process("first")
	echo := pipeline.Output(first, w.echo)
	front := []func(*pipeline.Context, int64){
		updates(first, w.least, w.outMin, lesser), updates(first, w.sum, w.outSum, total),
	}
	second, from := first, w.in
	var repartition pipeline.Out[int64]
	if w.hop {
		second, from = pipeline.Process("second"), w.repartition
		repartition = pipeline.Output(first, w.repartition)
	}
	back := []func(*pipeline.Context, int64){
		updates(second, w.greatest, w.outMax, greater), updates(second, w.number, w.outCount, one),
	}
	apply := func(ctx *pipeline.Context, n int64, fs []func(*pipeline.Context, int64)) {
		for _, f := range fs {
			f(ctx, n)
		}
	}
	pipeline.Input(first, w.in, func(ctx *pipeline.Context, n int64) error {
		echo.Emit(ctx, ctx.Key(), n)
		apply(ctx, n, front)
		if w.hop {
			repartition.Emit(ctx, ctx.Key(), n)
		} else {
			apply(ctx, n, back)
		}
		return nil
	})
	t := pipeline.New(w.prefix).From(w.in).Add(first).To(w.echo, w.outMin, w.outMax, w.outSum, w.outCount)
	if w.hop {
		pipeline.Input(second, from, func(ctx *pipeline.Context, n int64) error {
			apply(ctx, n, back)
			return nil
		})
		return t.Add(second)
	}
	return w.addTo(t)
}

// rest waits as timed does, if there is anything that goes by time.
func (w *eos) rest(ctx context.Context, x *run) {
	if w.timed != nil {
		w.timed.rest(ctx, x)
	}
}

// update is a new value of a key, of the one it has and the record's. Without
// one, has is false.
type update func(old int64, has bool, n int64) int64

func lesser(old int64, has bool, n int64) int64 {
	if has {
		return min(old, n)
	}
	return n
}

func greater(old int64, has bool, n int64) int64 {
	if has {
		return max(old, n)
	}
	return n
}

func total(old int64, _ bool, n int64) int64 { return old + n }

func one(old int64, _ bool, _ int64) int64 { return old + 1 }

// updates returns what updates a table and writes the update.
func updates(p *pipeline.Processor, t pipeline.Table[int64], o pipeline.Topic[int64], f update) func(*pipeline.Context, int64) {
	state, out := pipeline.Store(p, t), pipeline.Output(p, o)
	return func(ctx *pipeline.Context, n int64) {
		old, has := state.Get(ctx, ctx.Key())
		v := f(old, has, n)
		state.Set(ctx, ctx.Key(), v)
		out.Emit(ctx, ctx.Key(), v)
	}
}

// verify computes each update again. A partition's outputs are those of its
// input, in its order, and nothing else; at least once, every record has its
// echo at least, and no count is too low.
func (w *eos) verify(ctx context.Context, x *run) figures {
	in := x.read(ctx, w.in.Name())
	f := figures{}
	for _, rows := range in {
		f.records += len(rows)
	}
	echoes := []string{w.echo.Name()}
	if w.hop {
		echoes = append(echoes, w.repartition.Name())
	}
	for _, topic := range echoes {
		f.add(x.compare(topic, in, x.read(ctx, topic)))
	}
	for _, o := range []struct {
		out   pipeline.Topic[int64]
		table pipeline.Table[int64]
		update
		extreme bool
	}{
		{w.outMin, w.least, lesser, true}, {w.outMax, w.greatest, greater, true},
		{w.outSum, w.sum, total, false}, {w.outCount, w.number, one, false},
	} {
		want, last := recompute(in, o.update)
		got := x.newest(ctx, o.table.Name())
		if x.g != pipeline.ExactlyOnce {
			for k, n := range last {
				// Extremes do not mind what comes twice; sums and numbers grow by it.
				if g, ok := got[k]; !ok || g < n || g > n && o.extreme {
					x.Errorf("table %s, key %s: %d, want %d", o.table.Name(), k, g, n)
				}
			}
			continue
		}
		f.add(x.compare(o.out.Name(), want, x.read(ctx, o.out.Name())))
		x.compareTables(o.table.Name(), last, got)
	}
	if w.timed != nil {
		f.add(w.compare(ctx, x))
	}
	return f
}

// recompute returns each update of each partition, and the last one of each key.
func recompute(in rows, f update) (rows, map[string]int64) {
	var all rows
	last := map[string]int64{}
	for p, rs := range in {
		all[p] = make([]row, len(rs))
		for i, r := range rs {
			old, has := last[r.key]
			v := f(old, has, r.n)
			last[r.key] = v
			all[p][i] = row{r.key, v}
		}
	}
	return all, last
}

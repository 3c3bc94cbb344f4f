//go:build kafka

package faulttest

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// The workload of Kafka Streams' SmokeTestClient: key k has the integers from k
// to k+999, shuffled. Least, greatest, sum and number are tables of one
// processor; difference and average come of their updates, in others; the last
// counts how many keys have each number. What goes by time is in timed.
const smokeKeys = 20

// smokeValues is how many integers each key has, 1,000 in the long form.
func smokeValues() int { return either(1_000, 400) }

type smoke struct {
	prefix                                       string
	in, echo, least, greatest, sum, number, diff pipeline.Topic[int64]
	average                                      pipeline.Topic[float64]
	steps                                        pipeline.Topic[int64] // of the numbers of keys
	taggs                                        pipeline.Topic[int64]
	tables                                       struct {
		least, greatest, sum, number, taggs pipeline.Table[int64]
		extremes, means                     pipeline.Table[pair]
	}
	*timed
}

// pair is what a processor keeps of two inputs.
type pair struct{ A, B int64 }

func newSmoke(prefix string) *smoke {
	i := codec.Int64()
	w := &smoke{prefix: prefix,
		in: topicOf(prefix, "data", i), echo: topicOf(prefix, "echo", i), least: topicOf(prefix, "min", i),
		greatest: topicOf(prefix, "max", i), sum: topicOf(prefix, "sum", i), number: topicOf(prefix, "cnt", i),
		diff: topicOf(prefix, "dif", i), average: topicOf(prefix, "avg", codec.Float64()),
		steps: topicOf(prefix, "steps", i), taggs: topicOf(prefix, "tagg", i)}
	w.timed = newTimed(prefix, w.in, w.echo)
	t := &w.tables
	t.least, t.greatest = tableOf(prefix, "min", i), tableOf(prefix, "max", i)
	t.sum, t.number = tableOf(prefix, "sum", i), tableOf(prefix, "cnt", i)
	t.taggs = tableOf(prefix, "tagg", i)
	t.extremes, t.means = tableOf(prefix, "extremes", codec.JSON[pair]()), tableOf(prefix, "means", codec.JSON[pair]())
	return w
}

func (w *smoke) name() string  { return w.prefix }
func (w *smoke) input() string { return w.in.Name() }

func (w *smoke) processors() map[string][]string {
	return w.readBy(map[string][]string{
		"basics": {w.in.Name()}, "dif": {w.least.Name(), w.greatest.Name()}, "avg": {w.sum.Name(), w.number.Name()},
		"tagg": {w.steps.Name()},
	})
}

func (w *smoke) topology() *pipeline.Topology {
	basics := pipeline.Process("basics")
	echo := pipeline.Output(basics, w.echo)
	steps := pipeline.Output(basics, w.steps)
	each := []func(*pipeline.Context, int64){
		updates(basics, w.tables.least, w.least, lesser), updates(basics, w.tables.greatest, w.greatest, greater),
		updates(basics, w.tables.sum, w.sum, total),
	}
	number, numbers := pipeline.Store(basics, w.tables.number), pipeline.Output(basics, w.number)
	pipeline.Input(basics, w.in, func(ctx *pipeline.Context, n int64) error {
		echo.Emit(ctx, ctx.Key(), n)
		for _, f := range each {
			f(ctx, n)
		}
		c, has := number.Get(ctx, ctx.Key())
		number.Set(ctx, ctx.Key(), c+1)
		numbers.Emit(ctx, ctx.Key(), c+1)
		if has {
			steps.Emit(ctx, strconv.FormatInt(c, 10), -1)
		}
		steps.Emit(ctx, strconv.FormatInt(c+1, 10), 1)
		return nil
	})

	dif := pipeline.Process("dif")
	extremes, diff := pipeline.State(dif, w.tables.extremes), pipeline.Output(dif, w.diff)
	either := func(set func(*pair, int64)) func(*pipeline.Context, int64) error {
		return func(ctx *pipeline.Context, n int64) error {
			e, _ := extremes.Get(ctx)
			set(&e, n)
			extremes.Set(ctx, e)
			diff.Emit(ctx, ctx.Key(), e.B-e.A)
			return nil
		}
	}
	pipeline.Input(dif, w.least, either(func(e *pair, n int64) { e.A = n }))
	pipeline.Input(dif, w.greatest, either(func(e *pair, n int64) { e.B = n }))

	avg := pipeline.Process("avg")
	means, average := pipeline.State(avg, w.tables.means), pipeline.Output(avg, w.average)
	mean := func(set func(*pair, int64)) func(*pipeline.Context, int64) error {
		return func(ctx *pipeline.Context, n int64) error {
			m, _ := means.Get(ctx)
			set(&m, n)
			means.Set(ctx, m)
			average.Emit(ctx, ctx.Key(), float64(m.A)/float64(max(m.B, 1)))
			return nil
		}
	}
	pipeline.Input(avg, w.sum, mean(func(m *pair, n int64) { m.A = n }))
	pipeline.Input(avg, w.number, mean(func(m *pair, n int64) { m.B = n }))

	tagg := pipeline.Process("tagg")
	add := updates(tagg, w.tables.taggs, w.taggs, total)
	pipeline.Input(tagg, w.steps, func(ctx *pipeline.Context, n int64) error {
		add(ctx, n)
		return nil
	})
	return w.addTo(pipeline.New(w.prefix).From(w.in).Add(basics, dif, avg, tagg).
		To(w.echo, w.least, w.greatest, w.sum, w.number, w.diff, w.average, w.taggs))
}

// smokeData is what is sent: the key k from k to k+999, all of them shuffled.
func smokeData(x *run) func() (string, int64) {
	type datum struct {
		key string
		n   int64
	}
	var data []datum
	for k := range smokeKeys {
		for n := range smokeValues() {
			data = append(data, datum{fmt.Sprintf("%d-%d", k, k+smokeValues()-1), int64(k + n)})
		}
	}
	x.random.Shuffle(len(data), func(i, j int) { data[i], data[j] = data[j], data[i] })
	return func() (string, int64) {
		d := data[0]
		data = data[1:]
		return d.key, d.n
	}
}

// verify compares the last value of each key with its closed form. Unless the
// run may have repeated some, each topic has one record for each that went in,
// or two where there are two inputs.
func (w *smoke) verify(ctx context.Context, x *run) figures {
	in := x.read(ctx, w.in.Name())
	f := figures{records: smokeKeys * smokeValues()}
	repeats := x.repeats()
	f.add(x.compare(w.echo.Name(), in, x.read(ctx, w.echo.Name())))
	if !repeats && f.duplicates > 0 {
		x.Errorf("%d records doubled, and nothing was killed", f.duplicates)
	}
	last := func(topic string, each int) map[string]int64 {
		values, n := map[string]int64{}, 0
		for _, rs := range x.read(ctx, topic) {
			n += len(rs)
			for _, r := range rs {
				values[r.key] = r.n
			}
		}
		f.compared += n
		want := each * smokeKeys * smokeValues()
		if n < want || n > want && !repeats {
			x.Errorf("topic %s: %d records, want %d", topic, n, want)
		}
		if lost := want - n; lost > 0 {
			f.lost += lost
		} else {
			f.duplicates -= lost
		}
		return values
	}
	least, greatest := last(w.least.Name(), 1), last(w.greatest.Name(), 1)
	sum, number, diff := last(w.sum.Name(), 1), last(w.number.Name(), 1), last(w.diff.Name(), 2)
	average := map[string]float64{}
	x.each(ctx, w.average.Name(), func(_ int32, r *transport.Record) error {
		v, err := codec.Float64().Decode(r.Value)
		average[string(r.Key)] = v
		return err
	})
	if len(number) != smokeKeys {
		x.Errorf("%d keys, want %d", len(number), smokeKeys)
	}
	for i := range int64(smokeKeys) {
		n := int64(smokeValues())
		k, lo, hi := fmt.Sprintf("%d-%d", i, i+n-1), i, i+n-1
		s := (lo + hi) * n / 2
		if least[k] != lo || greatest[k] != hi || diff[k] != hi-lo {
			x.Errorf("key %s: from %d to %d, difference %d", k, least[k], greatest[k], diff[k])
		}
		switch {
		case repeats:
			if sum[k] < s || number[k] < n {
				x.Errorf("key %s: sum %d, number %d, want at least %d and %d", k, sum[k], number[k], s, n)
			}
		case sum[k] != s || number[k] != n || average[k] != float64(s)/float64(n):
			x.Errorf("key %s: sum %d, number %d, average %v, want %d, %d", k, sum[k], number[k], average[k], s, n)
		}
	}
	if !repeats {
		for k, v := range x.newest(ctx, w.taggs.Name()) {
			if want := map[string]int64{strconv.Itoa(smokeValues()): smokeKeys}[k]; v != want {
				x.Errorf("%d keys have %s values, want %d", v, k, want)
			}
		}
	}
	f.add(w.compare(ctx, x))
	return f
}

// Three services in succession, each one ended in the middle of the records:
// cleanly, or by kill -9.
func TestSmoke(t *testing.T) {
	brokers := kafkatest.Addresses(t)
	for _, g := range []pipeline.Guarantee{pipeline.ExactlyOnce, pipeline.AtLeastOnce} {
		for _, crash := range []bool{false, true} {
			name := map[bool]string{false: "clean stop", true: "kill -9"}[crash]
			t.Run(string(g)+" "+name, func(t *testing.T) {
				t.Parallel()
				x := newRun(t, brokers, g, "smoke", 3)
				x.values = smokeData(x)
				for i := range x.services {
					x.start(i)
					x.ready(i)
					x.send(smokeKeys * smokeValues() / 4)
					if i == 2 {
						break
					}
					if crash {
						x.kill9(i)
						x.services[i].child = nil
					} else {
						x.services[i].stop()
						x.services[i].child = nil
						x.fault("service stopped")
					}
				}
				x.send(smokeKeys * smokeValues() / 4)
				x.finish()
			})
		}
	}
}

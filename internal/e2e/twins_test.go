package e2e

import (
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

const twinPartitions = 3

// twin is what two topologies whose processors, timers and operators have the same
// names do not have in common.
type twin[V any] struct {
	codec      codec.Codec[V]
	sum        func(a, b V) V
	windows    processors.Windows
	within     time.Duration // of the join
	pads       bool          // left records without a partner are joined with none
	ttl, delay time.Duration // of entries and of timers
}

func (a app) one() *pipeline.Topology { return firstTwin(a, a) }
func (a app) two() *pipeline.Topology { return secondTwin(a, a) }

// sharedOne and sharedTwo have one name, and the same topics to write: they are told
// apart by their application ids.
func (a app) sharedOne() *pipeline.Topology { return firstTwin(a, a.without("-one")) }
func (a app) sharedTwo() *pipeline.Topology { return secondTwin(a, a.without("-two")) }

func (a app) without(suffix string) app { return app(strings.TrimSuffix(string(a), suffix)) }

func firstTwin(in, own app) *pipeline.Topology {
	return twin[int64]{codec: codec.Int64(), sum: func(a, b int64) int64 { return a + b },
		windows: processors.Tumbling(5 * time.Second), within: 200 * time.Millisecond, ttl: 1500 * time.Millisecond, delay: 3 * time.Second,
	}.topology(in, own)
}

func secondTwin(in, own app) *pipeline.Topology {
	return twin[string]{codec: codec.String(), sum: func(a, b string) string { return a + "+" + b },
		windows: processors.Session(700 * time.Millisecond), within: 100 * time.Millisecond, pads: true, ttl: 3 * time.Second, delay: time.Second,
	}.topology(in, own)
}

// topology reads topics of the one app, and writes what has the name of the other.
func (d twin[V]) topology(in, own app) *pipeline.Topology {
	topic := func(a app, what string, opts ...pipeline.TopicOption) pipeline.Topic[V] {
		return pipeline.NewTopic(a.topic(what), d.codec, opts...)
	}
	table := func(what string) pipeline.Table[V] { return pipeline.NewTable(own.topic(what), d.codec) }
	left, right := topic(in, "left", pipeline.Partitions(twinPartitions)), topic(in, "right", pipeline.Partitions(twinPartitions))
	sums, joined, reminders := topic(own, "sums"), topic(own, "joined"), topic(own, "reminders")
	last, totals := table("last"), own.table("totals")

	sum := func(_ *pipeline.Context, a, b V) (V, error) { return d.sum(a, b), nil }
	join := processors.JoinStreams("join", left, right, processors.Within(d.within).Grace(time.Hour), joined, sum)
	if d.pads {
		join = processors.LeftJoinStreams("join", left, right, processors.Within(d.within).Grace(time.Hour), joined,
			func(_ *pipeline.Context, l, r V, ok bool) (V, error) {
				if ok {
					l = d.sum(l, r)
				}
				return l, nil
			})
	}
	plus := func(_ *pipeline.Context, so, n int64) (int64, error) { return so + n, nil }
	minus := func(_ *pipeline.Context, so, n int64) (int64, error) { return so - n, nil }
	perGroup := func(key string, _ V) (string, int64, bool) { return key[:1], 1, true }
	return pipeline.New(string(own)).From(left, right).
		Add(
			processors.Window("window", left, d.windows, aggregate.Reduce(sum, d.codec),
				pipeline.NewTable(own.topic("windows"), processors.Panes(d.codec)), processors.EmitFinal(sums)),
			join,
			d.remind(left, reminders, table("first")),
			processors.ToTable("table", left, last, processors.TTL(d.ttl))).
		Add(processors.AggregateTable("groups", last, codec.Int64(), perGroup, totals, plus, minus)...).
		To(sums, joined, reminders, totals)
}

// remind sums up the first value of each key and each later one, a delay after it.
func (d twin[V]) remind(in, out pipeline.Topic[V], first pipeline.Table[V]) *pipeline.Processor {
	p := pipeline.Process("remind")
	state, timers, to := pipeline.State(p, first), pipeline.EventTimers(p, "due", d.codec), pipeline.Output(p, out)
	timers.Handle(func(ctx *pipeline.Context, v V) error {
		f, _ := state.Get(ctx)
		to.Emit(ctx, ctx.Key(), d.sum(f, v))
		return nil
	})
	pipeline.Input(p, in, func(ctx *pipeline.Context, v V) error {
		if _, ok := state.Get(ctx); !ok {
			state.Set(ctx, v)
		}
		timers.Set(ctx, ctx.Key(), ctx.Timestamp().Add(d.delay), v)
		return nil
	})
	return p
}

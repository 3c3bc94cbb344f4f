package streamsvectors

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// TestWindows compares windows: what is emitted, record by record. Those that
// close at the same moment are in the same order if they are of one key; sessions
// of several keys are in the order of their starts in Kafka Streams, and of their
// keys here.
func TestWindows(t *testing.T) {
	for _, op := range []string{"tumbling", "hopping", "sliding", "session"} {
		t.Run(op, func(t *testing.T) {
			compare(t, vectors(t, "windows", op), perKey, atOnce, aggregation)
		})
	}
}

// TestLate compares which records are late: those that Kafka Streams drops for
// all of their windows. A window that begins after a record, as a sliding one may
// because of it, is not one of its own.
func TestLate(t *testing.T) {
	all, err := Vectors("windows")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Emit != "update" {
			continue
		}
		t.Run(v.Op+"-"+v.name(), func(t *testing.T) {
			t.Parallel()
			var want []In
			for _, s := range v.Steps {
				updated := slices.ContainsFunc(s.Out, func(o Out) bool { return o.start() <= s.In.Time })
				if s.Dropped > 0 && !updated && s.In.Key != nil && s.In.Value != nil {
					want = append(want, s.In)
				}
			}
			d := run(t, v, atOnce, aggregation(v))
			var got []Out
			if v.Agg == "sum" {
				got = outs(pipelinetest.Read(d, longs("late")), "string")
			} else {
				got = outs(pipelinetest.Read(d, texts("late")), "string")
			}
			if len(got) != len(want) {
				t.Fatalf("%d are late, in Kafka Streams %d: %v, %v", len(got), len(want), got, want)
			}
			for i, w := range want {
				if got[i] != (Out{Key: *w.Key, Value: w.Value, Time: w.Time}) {
					t.Errorf("%v is late, in Kafka Streams %v", got[i], w)
				}
			}
		})
	}
}

func aggregation(v Vector) *pipeline.Topology {
	switch v.Agg {
	case "count":
		return windowed(v, in, aggregate.Count[string](), results)
	case "sum":
		return windowed(v, numbers, aggregate.Sum(func(n int64) int64 { return n }), results)
	case "reduce":
		return windowed(v, in, aggregate.Reduce(concat, codec.String()), out)
	}
	return windowed(v, in, aggregate.Fold(func() string { return "" },
		func(ctx *pipeline.Context, so, v string) (string, error) { return so + ctx.Key() + v + ";", nil },
		func(_ *pipeline.Context, a, b string) (string, error) { return a + b, nil }, codec.String()), out)
}

func windowed[V, A any](v Vector, in pipeline.Topic[V], agg aggregate.Func[V, A], out pipeline.Topic[A]) *pipeline.Topology {
	var w processors.Windows
	switch v.Op {
	case "tumbling":
		w = processors.Tumbling(ms(v.Size))
	case "hopping":
		w = processors.Hopping(ms(v.Size), ms(v.Advance))
	case "sliding":
		w = processors.Sliding(ms(v.Size))
	case "session":
		w = processors.Session(ms(v.Size))
	}
	emit := processors.EmitUpdates(out)
	if v.Emit != "update" {
		emit = processors.EmitFinal(out)
	}
	late := pipeline.NewTopic("late", in.Codec())
	p := processors.Window("p", in, w.Grace(ms(v.Grace)), agg, pipeline.NewTable("windows", processors.Panes(agg.Codec)),
		emit, processors.LateTo(late))
	return pipeline.New("vectors").From(in).Add(skip(p)).To(out, late)
}

func TestWindowKeys(t *testing.T) {
	vs, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	if len(vs) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vs {
		start, end := time.UnixMilli(v.Start), time.UnixMilli(v.End)
		got, by := processors.WindowKey(v.Key, start), pipeline.Murmur2.Window()
		if v.Kind == "session" {
			got, by = processors.SessionKey(v.Key, start, end), pipeline.Murmur2.Session()
		}
		if p := by.Partition([]byte(got), 7); p != v.Partition {
			t.Errorf("%+v: ours is in partition %d", v, p)
		}
		if h := hex.EncodeToString([]byte(got)); h != v.Hex {
			t.Errorf("%+v: ours is %s", v, h)
		}
	}
}

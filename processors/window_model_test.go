package processors_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// Windows are compared with what a batch makes of the same records: which windows
// there are, and which records are in each, by the definitions alone. The records
// come out of order, some too late; in the middle the service is killed or started
// again. The aggregate is the records themselves.

var (
	finals  = pipeline.NewTopic("finals", codec.JSON[[]int64]())
	updates = pipeline.NewTopic("updates", codec.JSON[[]int64]())
	paced   = pipeline.NewTopic("paced", codec.JSON[[]int64]())
	lates   = pipeline.NewTopic("lates", codec.Int64())
	panes   = pipeline.NewTable("panes", processors.Panes(codec.JSON[[]int64]()))
)

// all is the aggregate that has all values, sorted.
func all() aggregate.Func[int64, []int64] {
	join := func(a []int64, b ...int64) []int64 {
		a = slices.Concat(a, b)
		slices.Sort(a)
		return a
	}
	return aggregate.Func[int64, []int64]{
		First: func(_ *pipeline.Context, n int64) ([]int64, error) { return []int64{n}, nil },
		Add:   func(_ *pipeline.Context, a []int64, n int64) ([]int64, error) { return join(a, n), nil },
		Merge: func(_ *pipeline.Context, a, b []int64) ([]int64, error) { return join(a, b...), nil },
		Codec: codec.JSON[[]int64](),
	}
}

// event is a record of the model: its time in ms, its number as its value.
type event struct {
	key string
	at  int64
	n   int64
}

const flush = "flush" // the key of the record that closes all windows

func events(t *rapid.T) []event {
	span := rapid.SampledFrom([]int64{30, 100, 400}).Draw(t, "span")
	es := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event {
		return event{key: rapid.SampledFrom([]string{"a", "b", "a\x00"}).Draw(t, "key"), at: rapid.Int64Range(0, span).Draw(t, "at")}
	}), 1, 25).Draw(t, "events")
	base := rapid.SampledFrom([]int64{0, 1000}).Draw(t, "base")
	for i := range es {
		es[i].n, es[i].at = int64(i), es[i].at+base
	}
	return es
}

// outcome is what came of a window: the records that it has when it closes.
type outcome struct {
	at int64 // the time of what is emitted
	ns []int64
}

func (o outcome) String() string { return fmt.Sprint(o.ns, "@", o.at) }

// replayed runs a topology over events, and one more that closes all.
func replayed(t *testing.T, rt *rapid.T, w processors.Windows, es []event, flushAt int64) (got map[string]outcome, late []int64, d *pipelinetest.Driver) {
	cut := rapid.IntRange(0, len(es)).Draw(rt, "cut")
	crash := rapid.Bool().Draw(rt, "crash")
	records := func(es []event) (rs []pipeline.Record) {
		for _, e := range es {
			rs = append(rs, numbers.Record(e.key, e.n).At(time.UnixMilli(e.at)))
		}
		return rs
	}
	t.Run("", func(t *testing.T) {
		d = pipelinetest.New(t, pipeline.New("t").From(numbers).To(finals, updates, paced, lates).Add(processors.Window("w", numbers, w, all(), panes,
			processors.EmitFinal(finals), processors.EmitUpdates(updates), processors.EmitEvery(20*time.Millisecond, paced), processors.LateTo(lates))))
		d.Pipe(records(es[:cut])...)
		if crash {
			d.Crash()
		} else {
			d.Restart()
		}
		d.Pipe(records(es[cut:])...)
		d.Pipe(records([]event{{flush, flushAt, -1}})...)
		got = map[string]outcome{}
		for _, m := range pipelinetest.Read(d, finals) {
			if _, twice := got[m.Key]; twice {
				rt.Fatalf("%q was emitted twice as final", m.Key)
			}
			if !strings.HasPrefix(m.Key, flush) {
				got[m.Key] = outcome{m.Time.UnixMilli(), m.Value}
			}
		}
		for _, m := range pipelinetest.Read(d, lates) {
			late = append(late, m.Value)
		}
		slices.Sort(late) // keys may be in any order to each other
		for name, topic := range map[string]pipeline.Topic[[]int64]{"updates": updates, "paced": paced} {
			last := map[string]outcome{}
			for _, m := range pipelinetest.Read(d, topic) {
				last[m.Key] = outcome{m.Time.UnixMilli(), m.Value}
				if m.Deleted {
					delete(last, m.Key)
				}
			}
			maps.DeleteFunc(last, func(k string, _ outcome) bool { return strings.HasPrefix(k, flush) })
			if !equal(last, got) {
				rt.Fatalf("the last %s are %v, the finals are %v", name, last, got)
			}
		}
		for k := range pipelinetest.Rows(d, panes) {
			if !strings.HasPrefix(k, flush) {
				rt.Fatalf("%q is still in the table", k)
			}
		}
	})
	return got, late, d
}

func equal(a, b map[string]outcome) bool {
	return maps.EqualFunc(a, b, func(x, y outcome) bool { return x.at == y.at && slices.Equal(x.ns, y.ns) })
}

func compare(rt interface{ Fatalf(string, ...any) }, es []event, got map[string]outcome, late []int64, want map[string]outcome, wantLate []int64) {
	if !equal(got, want) {
		rt.Fatalf("events %v:\ngot  %q\nwant %q", es, got, want)
	}
	if !slices.Equal(late, wantLate) {
		rt.Fatalf("events %v: late are %v, want %v", es, late, wantLate)
	}
}

// add adds an event to an outcome.
func (o outcome) add(e event) outcome {
	o.ns = slices.Concat(o.ns, []int64{e.n})
	slices.Sort(o.ns)
	o.at = max(o.at, e.at)
	return o
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func draw(rt *rapid.T, name string, of ...int64) int64 { return rapid.SampledFrom(of).Draw(rt, name) }

func TestTimeWindowsAreThoseOfABatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		es := events(rt)
		size, grace := draw(rt, "size", 1, 7, 20, 50), draw(rt, "grace", 0, 1, 15, 200)
		step := rapid.Int64Range((size+4)/5, size).Draw(rt, "advance")
		want, wantLate := timeBatch(es, size, step, grace)
		got, late, _ := replayed(t, rt, processors.Hopping(millis(size), millis(step)).Grace(millis(grace)), es, 100_000)
		compare(rt, es, got, late, want, wantLate)
	})
}

// timeBatch returns the time windows of events, and those that are late.
func timeBatch(es []event, size, step, grace int64) (want map[string]outcome, late []int64) {
	want = map[string]outcome{}
	now := int64(0)
	for _, e := range es {
		now = max(now, e.at)
		in := 0
		for start := int64(0); start <= e.at; start += step {
			if end := start + size; e.at < end && end+grace > now {
				k := processors.WindowKey(e.key, time.UnixMilli(start))
				want[k] = want[k].add(e)
				in++
			}
		}
		if in == 0 {
			late = append(late, e.n)
		}
	}
	return want, late
}

func TestSessionsAreThoseOfABatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		es := events(rt)
		gap, grace := draw(rt, "gap", 1, 5, 20), draw(rt, "grace", 0, 1, 15, 200)
		want, wantLate := sessionBatch(es, gap, grace)
		got, late, _ := replayed(t, rt, processors.Session(millis(gap)).Grace(millis(grace)), es, 100_000)
		compare(rt, es, got, late, want, wantLate)
	})
}

// sessionBatch returns the sessions of events, and those that are late. Of each key
// the accepted events, sorted by time, fall into sessions wherever two are more than
// a gap apart. A session that is closed stays as it is.
func sessionBatch(es []event, gap, grace int64) (closed map[string]outcome, late []int64) {
	type sess struct {
		start, end int64
		outcome
	}
	open, now := map[string][]sess{}, int64(0)
	closed = map[string]outcome{}
	for _, e := range es {
		now = max(now, e.at)
		next := sess{e.at, e.at, outcome{}.add(e)}
		rest := []sess(nil)
		for _, s := range open[e.key] {
			switch {
			case s.end < now-gap-grace:
				closed[processors.SessionKey(e.key, time.UnixMilli(s.start), time.UnixMilli(s.end))] = s.outcome
			case s.end < e.at-gap || s.start > e.at+gap:
				rest = append(rest, s)
			default:
				next.start, next.end = min(next.start, s.start), max(next.end, s.end)
				next.ns = slices.Concat(next.ns, s.ns)
			}
		}
		open[e.key] = rest
		if next.end < now-gap-grace {
			late = append(late, e.n)
			continue
		}
		slices.Sort(next.ns)
		next.at = next.end
		open[e.key] = append(rest, next)
	}
	for k, ss := range open {
		for _, s := range ss {
			closed[processors.SessionKey(k, time.UnixMilli(s.start), time.UnixMilli(s.end))] = s.outcome
		}
	}
	return closed, late
}

// Records that are handled while hundreds of windows wait to be closed change none of
// those, and none is lost.
func TestWindowsThatLagAreThoseOfABatch(t *testing.T) {
	const size, grace, keys = 20, 10, 400
	r := rand.New(rand.NewPCG(1, 2))
	var es []event
	at := int64(0)
	wave := func(spread int64) {
		for i := range keys {
			es = append(es, event{fmt.Sprint("key-", i), max(0, at-r.Int64N(spread)), int64(len(es))})
		}
	}
	for range 2 {
		wave(5)
		wave(15) // which makes many sessions longer than when their timers were set
		at += 40
		es = append(es, event{"now", at, int64(len(es))}) // all are to be closed
		wave(60)
	}
	for name, kind := range map[string]struct {
		windows processors.Windows
		batch   func() (map[string]outcome, []int64)
	}{
		"time":    {processors.Tumbling(millis(size)), func() (map[string]outcome, []int64) { return timeBatch(es, size, size, grace) }},
		"session": {processors.Session(millis(size)), func() (map[string]outcome, []int64) { return sessionBatch(es, size, grace) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(finals, lates).Add(
				processors.Window("w", numbers, kind.windows.Grace(millis(grace)), all(), panes, processors.EmitFinal(finals), processors.LateTo(lates))))
			var rs []pipeline.Record
			for _, e := range append(es[:len(es):len(es)], event{flush, 100_000, -1}, event{flush, 200_000, -1}) {
				rs = append(rs, numbers.Record(e.key, e.n).At(time.UnixMilli(e.at)))
			}
			d.Pipe(rs...)
			got := map[string]outcome{}
			for _, m := range pipelinetest.Read(d, finals) {
				if _, twice := got[m.Key]; twice {
					t.Fatalf("%q was emitted twice as final", m.Key)
				}
				if !strings.HasPrefix(m.Key, flush) {
					got[m.Key] = outcome{m.Time.UnixMilli(), m.Value}
				}
			}
			var late []int64
			for _, m := range pipelinetest.Read(d, lates) {
				late = append(late, m.Value)
			}
			slices.Sort(late)
			want, wantLate := kind.batch()
			compare(t, es, got, late, want, wantLate)
		})
	}
}

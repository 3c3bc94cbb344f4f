package processors_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// step is a record, of key k unless it says otherwise, and what it causes: "name
// start-end=values@time" of updates and finals, "late n" of late records.
type step struct {
	at   int64
	key  string
	want string
}

// Edges, each against the rule of Kafka Streams that is beside it.
func TestWindowEdges(t *testing.T) {
	for _, tt := range []struct {
		name    string
		w       processors.Windows
		session bool
		size    int64
		steps   []step
	}{
		{"a window's end is not in it: TimeWindow is [start, end)", processors.Tumbling(millis(10)), false, 10, []step{
			{at: 9, want: "update 0-10=[0]@9"},
			{at: 10, want: "update 10-20=[1]@10; final 0-10=[0]@9"},
		}},
		{"end + grace <= stream time is late: KStreamWindowAggregate", processors.Tumbling(millis(10)).Grace(millis(5)), false, 10, []step{
			{at: 1, want: "update 0-10=[0]@1"},
			{at: 14, want: "update 10-20=[1]@14"},
			{at: 9, want: "update 0-10=[0 2]@9"},
			{at: 15, want: "update 10-20=[1 3]@15; final 0-10=[0 2]@9"},
			{at: 9, want: "late 4"},
		}},
		{"no window begins before 1970: TimeWindows.windowsFor", processors.Hopping(millis(10), millis(4)), false, 10, []step{
			{at: 5, want: "update 0-10=[0]@5; update 4-14=[0]@5"},
			{at: 9, want: "update 0-10=[0 1]@9; update 4-14=[0 1]@9; update 8-18=[1]@9"},
		}},
		{"what is in one open window is not late", processors.Hopping(millis(10), millis(5)), false, 10, []step{
			{at: 12, want: "update 5-15=[0]@12; update 10-20=[0]@12"},
			{at: 9, want: "update 5-15=[0 1]@12"}, // 0-10 is closed
			{at: 4, want: "late 2"},
		}},
		{"an update has the time of the window's newest record", processors.Tumbling(millis(10)).Grace(millis(9)), false, 10, []step{
			{at: 7, want: "update 0-10=[0]@7"},
			{at: 3, want: "update 0-10=[0 1]@7"},
		}},
		{"records of one millisecond", processors.Tumbling(millis(1)), false, 1, []step{
			{at: 3, want: "update 3-4=[0]@3"},
			{at: 3, want: "update 3-4=[0 1]@3"},
			{at: 4, want: "update 4-5=[2]@4; final 3-4=[0 1]@3"},
		}},
		{"keys that begin with each other", processors.Session(millis(5)), true, 0, []step{
			{at: 1, want: "update 1-1=[0]@1"},
			{at: 1, key: "k\x00", want: "update 1-1=[1]@1"},
			{at: 2, want: "gone 1-1@1; update 1-2=[0 2]@2"},
		}},
		{"a gap apart is one session, more is two: SessionWindows", processors.Session(millis(5)), true, 0, []step{
			{at: 10, want: "update 10-10=[0]@10"},
			{at: 15, want: "gone 10-10@10; update 10-15=[0 1]@15"},
			{at: 21, want: "update 21-21=[2]@21; final 10-15=[0 1]@15"},
		}},
		{"a record between two merges them, the older one first", processors.Session(millis(5)).Grace(millis(20)), true, 0, []step{
			{at: 10, want: "update 10-10=[0]@10"},
			{at: 20, want: "update 20-20=[1]@20"},
			{at: 15, want: "gone 10-10@10; gone 20-20@20; update 10-20=[0 1 2]@20"},
			{at: 12, want: "gone 10-20@20; update 10-20=[0 1 2 3]@20"}, // Kafka Streams removes it, and puts it again
		}},
		{"a session of one moment is updated in place", processors.Session(millis(5)), true, 0, []step{
			{at: 10, want: "update 10-10=[0]@10"},
			{at: 10, want: "update 10-10=[0 1]@10"},
		}},
		{"end < stream time - gap - grace is late: KStreamSessionWindowAggregate", processors.Session(millis(5)).Grace(millis(3)), true, 0, []step{
			{at: 10, want: "update 10-10=[0]@10"},
			{at: 18, key: "other", want: "update 18-18=[1]@18"},
			{at: 10, want: "update 10-10=[0 2]@10"}, // 10 < 18-5-3 is false
			{at: 19, key: "other", want: "gone 18-18@18; update 18-19=[1 3]@19; final 10-10=[0 2]@10"},
			{at: 10, want: "late 4"},
		}},
		{"a late record that an open session takes in is not late", processors.Session(millis(5)), true, 0, []step{
			{at: 12, want: "update 12-12=[0]@12"},
			{at: 17, key: "other", want: "update 17-17=[1]@17"},
			{at: 8, want: "gone 12-12@12; update 8-12=[0 2]@12"},
			{at: 2, want: "late 3"},
		}},
		{"left and right windows: KIP-450", processors.Sliding(millis(10)).Grace(millis(50)), false, 10, []step{
			{at: 100, want: "update 90-100=[0]@100"},
			{at: 105, want: "update 101-111=[1]@105; update 95-105=[0 1]@105"},
			{at: 102, want: "update 101-111=[1 2]@105; update 95-105=[0 1 2]@105; update 92-102=[0 2]@102; update 103-113=[1]@105"},
			{at: 105, want: "update 103-113=[1 3]@105; update 101-111=[1 2 3]@105; update 95-105=[0 1 2 3]@105"},
		}},
		{"a sliding window's end is in it, and closes a millisecond later", processors.Sliding(millis(10)), false, 10, []step{
			{at: 100, want: "update 90-100=[0]@100"},
			{at: 111, want: "update 101-111=[1]@111; final 90-100=[0]@100"},
			{at: 90, want: "late 2"}, // 90+10 < 111
		}},
		{"a closed sliding window is known as long as a record in time may need it", processors.Sliding(millis(10)).Grace(millis(20)), false, 10, []step{
			{at: 100, want: "update 90-100=[0]@100"},
			{at: 125, key: "other", want: "update 115-125=[1]@125; final 90-100=[0]@100"},
			{at: 106, want: "update 101-111=[2]@106; update 96-106=[0 2]@106"},
		}},
		{"records before 1970 + difference share a window", processors.Sliding(millis(10)), false, 10, []step{
			{at: 2, want: "update 0-10=[0]@2"},
			{at: 5, want: "update 3-13=[1]@5; update 0-10=[0 1]@5"},
			{at: 3, want: "update 3-13=[1 2]@5; update 4-14=[1]@5; update 0-10=[0 1 2]@5"},
		}},
		{"far away", processors.Hopping(millis(10), millis(5)), false, 10, []step{
			{at: 9223372036854, want: "update 9223372036845-9223372036855=[0]@9223372036854; update 9223372036850-9223372036860=[0]@9223372036854"},
			{at: math.MaxInt64, want: "final 9223372036845-9223372036855=[0]@9223372036854; final 9223372036850-9223372036860=[0]@9223372036854; late 1"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(finals, updates, lates).Add(processors.Window("w", numbers, tt.w, all(), panes,
				processors.EmitUpdates(updates), processors.EmitFinal(finals), processors.LateTo(lates))))
			for i, s := range tt.steps {
				key := s.key
				if key == "" {
					key = "k"
				}
				d.Send(numbers.Record(key, int64(i)).At(time.UnixMilli(s.at)))
				var got []string
				for _, out := range []struct {
					name  string
					topic pipeline.Topic[[]int64]
				}{{"update", updates}, {"final", finals}} {
					for _, m := range pipelinetest.Read(d, out.topic) {
						window := shownWindow(t, m.Key, tt.session, tt.size)
						if m.Deleted {
							got = append(got, fmt.Sprintf("gone %s@%d", window, m.Time.UnixMilli()))
						} else {
							got = append(got, fmt.Sprintf("%s %s=%v@%d", out.name, window, m.Value, m.Time.UnixMilli()))
						}
					}
				}
				for _, m := range pipelinetest.Read(d, lates) {
					got = append(got, fmt.Sprintf("late %d", m.Value))
				}
				if got := strings.Join(got, "; "); got != s.want {
					t.Errorf("record %d at %d: %s, want %s", i, s.at, got, s.want)
				}
			}
		})
	}
}

func shownWindow(t *testing.T, key string, session bool, size int64) string {
	t.Helper()
	if session {
		_, start, end, err := processors.ParseSessionKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d-%d", start.UnixMilli(), end.UnixMilli())
	}
	_, start, err := processors.ParseWindowKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d-%d", start.UnixMilli(), start.UnixMilli()+size)
}

// A closed window stays in the table as long as it is retained, and takes nothing
// more in.
func TestWindowIsRetained(t *testing.T) {
	key := processors.WindowKey("k", time.UnixMilli(0))
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(finals, lates).Add(processors.Window("w", numbers,
		processors.Tumbling(millis(10)).Retain(millis(30)), all(), panes, processors.EmitFinal(finals), processors.LateTo(lates))))
	row := panes.Row(key, processors.Pane[[]int64]{Value: []int64{1}, Time: time.UnixMilli(5).UTC(), Count: 1})
	d.Send(numbers.Record("k", 1).At(time.UnixMilli(5)))
	d.Expect(row)
	d.Send(numbers.Record("x", 2).At(time.UnixMilli(29)), numbers.Record("k", 3).At(time.UnixMilli(6)))
	d.Expect(finals.Record(key, []int64{1}).At(time.UnixMilli(5)), lates.Record("k", 3))
	if _, ok := pipelinetest.Rows(d, panes)[key]; !ok {
		t.Error("the window is not in the table 29 ms after its start")
	}
	d.Send(numbers.Record("x", 4).At(time.UnixMilli(30)))
	d.Expect(panes.Deleted(key))
}

// A session that is closed and retained is not merged with what comes then.
func TestRetainedSessionStaysAsItIs(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(finals).Add(processors.Window("w", numbers,
		processors.Session(millis(10)).Retain(time.Second), all(), panes, processors.EmitFinal(finals))))
	for i, at := range []int64{85, 100, 92, 1000} { // 92 is within the gap of 85, which closed at 96
		d.Send(numbers.Record("k", int64(i)).At(time.UnixMilli(at)))
	}
	key := func(start, end int64) string {
		return processors.SessionKey("k", time.UnixMilli(start), time.UnixMilli(end))
	}
	d.Expect(finals.Record(key(85, 85), []int64{0}), finals.Record(key(92, 100), []int64{1, 2}))
}

// EmitEvery is Kafka Streams' suppress(untilTimeLimit): the newest value, once
// stream time is d past the first change.
func TestEmitEvery(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(paced).Add(processors.Window("w", numbers,
		processors.Tumbling(millis(100)), all(), panes, processors.EmitEvery(millis(20), paced))))
	key := processors.WindowKey("k", time.UnixMilli(0))
	send := func(n, at int64) { d.Send(numbers.Record("k", n).At(time.UnixMilli(at))) }
	send(0, 10)
	send(1, 29)
	d.ExpectNone(paced)
	send(2, 30) // 20 past the first
	d.Expect(paced.Record(key, []int64{0, 1, 2}).At(time.UnixMilli(30)))
	send(3, 85)
	send(4, 99)
	d.ExpectNone(paced)
	send(5, 100) // the window closes before 85 + 20
	d.Expect(paced.Record(key, []int64{0, 1, 2, 3, 4}).At(time.UnixMilli(99)))
}

func TestWindowRecordsThatHaveNone(t *testing.T) {
	topology := func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).Add(processors.Window("w", numbers, processors.Tumbling(time.Second), all(), panes))
	}
	if err := pipelinetest.New(t, topology()).TrySend(numbers.Record("", 1).Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	timed := numbers.TimedBy(func(n int64) (time.Time, error) { return time.UnixMilli(n), nil })
	d := pipelinetest.New(t, pipeline.New("t").From(timed).Add(processors.Window("w", timed, processors.Tumbling(time.Second), all(), panes)))
	if err := d.TrySend(timed.Record("k", -1)); !errors.Is(err, processors.ErrBeforeEpoch) {
		t.Errorf("before 1970: %v", err)
	}
}

// All that is wrong is reported at once.
func TestWindowProblems(t *testing.T) {
	for name, tt := range map[string]struct {
		w    processors.Windows
		agg  aggregate.Func[int64, []int64]
		opts []processors.WindowOption
		want []string
	}{
		"none":      {processors.Windows{}, all(), nil, []string{"no windows"}},
		"tumbling":  {processors.Tumbling(0), all(), nil, []string{"a window of 0s"}},
		"advance":   {processors.Hopping(10, 0), all(), nil, []string{"must be a millisecond or longer"}},
		"hopping":   {processors.Hopping(time.Second, time.Minute), all(), nil, []string{"not longer than the size"}},
		"overlap":   {processors.Hopping(time.Hour, time.Millisecond), all(), nil, []string{"more than 10000"}},
		"sliding":   {processors.Sliding(-time.Second), all(), nil, []string{"must not be negative"}},
		"session":   {processors.Session(0).Grace(-1), all(), nil, []string{"a gap of 0s", "a grace of -1ns"}},
		"count":     {processors.CountWindow(0).Grace(1), all(), nil, []string{"at least one", "no record is late"}},
		"retention": {processors.Tumbling(time.Minute).Grace(time.Minute).Retain(time.Minute), all(), nil, []string{"open for longer, 2m0s"}},
		"aggregate": {processors.Session(time.Second), aggregate.Func[int64, []int64]{}, nil, []string{"no First", "no Add", "no Merge"}},
		"options": {processors.Tumbling(time.Second), all(), []processors.WindowOption{processors.EmitFinal(results), processors.EmitUpdates(updates),
			processors.EmitUpdates(updates), processors.EmitEvery(0, paced), processors.LateTo(texts), {}},
			[]string{"EmitFinal: topic results", "EmitUpdates is given twice", "EmitEvery(0s)", "LateTo: topic texts", "says nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := processors.Window("w", numbers, tt.w, tt.agg, panes, tt.opts...)
			err := pipeline.New("t").From(numbers).To(updates, paced).Add(p).Validate()
			if !errors.Is(err, pipeline.ErrConfig) {
				t.Fatalf("it is valid: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}

func TestAggregateBy(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).Add(
		processors.AggregateBy("least", numbers, aggregate.Min(func(n int64) int64 { return n }), sums)))
	d.Send(numbers.Record("a", 3), numbers.Record("a", 2), numbers.Record("b", 4), numbers.Record("a", 5))
	d.Expect(sums.Row("a", 2), sums.Row("b", 4))
	err := pipeline.New("t").From(numbers).Add(processors.AggregateBy("bad", numbers, aggregate.Func[int64, int64]{Codec: codec.Int64()}, sums)).Validate()
	if !errors.Is(err, pipeline.ErrConfig) {
		t.Errorf("without functions: %v", err)
	}
}

package pipeline_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// alarms tells of timers that fired: key, time and value, with the stream time.
var alarms = pipeline.NewTopic("alarms", codec.String())

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func second(n int) time.Time { return origin.Add(time.Duration(n) * time.Second) }

// timed is a topology with timers that records order: "set 5 x" sets one at
// second 5, "delete 5" deletes it, "fail" and "state" are for tests of failures.
func timed(clock bool, change ...func(*pipeline.Processor)) *pipeline.Topology {
	p := pipeline.Process("p")
	declare := pipeline.EventTimers[string]
	if clock {
		declare = pipeline.ClockTimers[string]
	}
	timers := declare(p, "timers", codec.String())
	out := pipeline.Output(p, alarms)
	timers.Handle(func(ctx *pipeline.Context, v string) error {
		var at int
		var again string
		if n, _ := fmt.Sscanf(v, "again %d %s", &at, &again); n == 2 {
			timers.Set(ctx, ctx.Key(), second(at), again)
		}
		out.Emit(ctx, ctx.Key(), fmt.Sprintf("%d %s", int(ctx.Timestamp().Sub(origin).Seconds()), v))
		if strings.HasPrefix(v, "fail") {
			return errors.New("told to fail")
		}
		return nil
	})
	pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
		var at int
		switch {
		case strings.HasPrefix(v, "set "):
			_, value, _ := strings.Cut(v[4:], " ")
			if _, err := fmt.Sscanf(v, "set %d", &at); err != nil {
				return err
			}
			timers.Set(ctx, ctx.Key(), second(at), value)
		case strings.HasPrefix(v, "delete "):
			if _, err := fmt.Sscanf(v, "delete %d", &at); err != nil {
				return err
			}
			timers.Delete(ctx, ctx.Key(), second(at))
		default:
			out.Emit(ctx, ctx.Key(), v)
		}
		return nil
	})
	for _, f := range change {
		f(p)
	}
	t := pipeline.New("t").From(clicks).Add(p).To(alarms)
	if len(change) > 0 {
		t.To(failed)
	}
	return t
}

func fired(d *pipelinetest.Driver) (all []string) {
	for _, m := range pipelinetest.Read(d, alarms) {
		all = append(all, m.Key+" "+m.Value)
	}
	return all
}

func expectFired(t *testing.T, d *pipelinetest.Driver, want ...string) {
	t.Helper()
	if got := fired(d); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Timers fire between the record that moves stream time past them and the next
// one, in the order of time and key; what fires has the timer's time.
func TestEventTimers(t *testing.T) {
	pipelinetest.Each(t, func() *pipeline.Topology { return timed(false, dead) }, func(d *pipelinetest.Driver) {
		at := func(key, v string, n int) pipeline.Record { return clicks.Record(key, v).At(second(n)) }
		d.Pipe(at("b", "set 10 x", 0), at("a", "set 10 y", 1), at("a", "set 5 z", 2), at("c", "set 7 gone", 3), at("c", "delete 7", 3),
			at("a", "set 20 first", 3), at("a", "set 20 second", 3),
			at("k", "moves", 12), at("k", "next", 11), at("k", "set 3 late", 11))
		d.Expect(
			alarms.Record("k", "moves").At(second(12)),
			alarms.Record("a", "5 z").At(second(5)),
			alarms.Record("a", "10 y").At(second(10)),
			alarms.Record("b", "10 x").At(second(10)),
			alarms.Record("k", "next").At(second(11)),
			alarms.Record("k", "3 late").At(second(3)))
		d.Restart()
		d.Pipe(at("k", "set 11 at once", 0)) // stream time is 12 still
		d.Expect(alarms.Record("k", "11 at once").At(second(11)))
		d.Pipe(at("k", "moves", 20))
		d.Expect(alarms.Record("k", "moves"), alarms.Record("a", "20 second").At(second(20)))
	})
}

func dead(p *pipeline.Processor) { p.DeadLetters(failed) }

// A handler of timers may set others, earlier ones among them, which come first.
func TestTimersSetTimers(t *testing.T) {
	d := pipelinetest.New(t, timed(false, dead))
	at := func(key, v string, n int) pipeline.Record { return clicks.Record(key, v).At(second(n)) }
	d.Pipe(at("a", "set 10 again 5 back", 0), at("b", "set 11 x", 0), at("c", "set 12 again 30 on", 0), at("k", "moves", 20), at("k", "end", 40))
	expectFired(t, d, "k moves", "a 10 again 5 back", "a 5 back", "b 11 x", "c 12 again 30 on", "k end", "c 30 on")
}

func TestClockTimers(t *testing.T) {
	pipelinetest.Each(t, func() *pipeline.Topology { return timed(true, dead) }, func(d *pipelinetest.Driver) {
		d.Pipe(clicks.Record("a", "set 10 x"), clicks.Record("b", "set 5 y").At(second(1000)))
		expectFired(t, d)
		d.Advance(5 * time.Second)
		expectFired(t, d, "b 5 y")
		d.Restart()
		d.Advance(4 * time.Second)
		expectFired(t, d)
		d.Advance(time.Second)
		expectFired(t, d, "a 10 x")
	})
}

// What timers that are due did is committed with their deletion: a crash neither
// repeats nor loses one, and those that are left fire without another record.
func TestTimersSurviveCrashes(t *testing.T) {
	d := pipelinetest.New(t, timed(true, dead))
	d.Pipe(clicks.Record("a", "set 10 x"), clicks.Record("a", "set 20 y"))
	d.Crash()
	d.Advance(10 * time.Second)
	d.Crash()
	expectFired(t, d, "a 10 x")
	d.Advance(10 * time.Second)
	expectFired(t, d, "a 20 y")
	d.Crash()
	d.Advance(time.Hour)
	expectFired(t, d)
}

// A timer whose handler fails is dealt with by the policy, and does not come again
// once it was put aside.
func TestTimerFails(t *testing.T) {
	d := pipelinetest.New(t, timed(true, func(p *pipeline.Processor) {
		p.OnError(pipeline.Retry(2, pipeline.Backoff{Min: time.Millisecond}).Then(pipeline.DeadLetter(failed)))
	}))
	d.Pipe(clicks.Record("a", "set 10 fail"), clicks.Record("b", "set 10 x"))
	d.Advance(time.Minute)
	d.Restart()
	d.Advance(time.Minute)
	expectFired(t, d, "b 10 x")
	ms := pipelinetest.Read(d, failed)
	if len(ms) != 1 || ms[0].Key != "a" || string(ms[0].Value) != "fail" {
		t.Fatalf("dead letters %+v", ms)
	}
	for name, want := range map[string]string{pipeline.HeaderTopic: "timers", pipeline.HeaderOffset: "-1", pipeline.HeaderAttempts: "3"} {
		i := slices.IndexFunc(ms[0].Headers, func(h pipeline.Header) bool { return h.Name == name })
		if i < 0 || string(ms[0].Headers[i].Value) != want {
			t.Errorf("headers %q, want %s to be %q", ms[0].Headers, name, want)
		}
	}
}

func TestTimerStops(t *testing.T) {
	d := pipelinetest.New(t, timed(false))
	d.Pipe(clicks.Record("a", "set 10 fail").At(origin))
	err := d.TrySend(clicks.Record("a", "moves").At(second(11)))
	if err == nil { // the record was committed before its timer failed
		err = d.TrySend(clicks.Record("a", "next"))
	}
	var re *pipeline.RecordError
	if !errors.As(err, &re) || re.Topic != "timers" || re.Offset != -1 || re.Key != "a" {
		t.Errorf("%v, want an error of the timer", err)
	}
}

// Stream time stands still without records, unless Idle lets it go on.
func TestIdle(t *testing.T) {
	for _, idle := range []bool{false, true} {
		d := pipelinetest.New(t, timed(false, dead, func(p *pipeline.Processor) {
			if idle {
				pipeline.Idle(p, time.Minute)
			}
		}))
		d.Pipe(clicks.Record("a", "set 10 x").At(second(4)))
		d.Advance(time.Minute + 5*time.Second)
		expectFired(t, d)
		d.Advance(time.Second)
		if idle {
			expectFired(t, d, "a 10 x")
		} else {
			expectFired(t, d)
		}
	}
}

// The event time is in the value where the topic says so; it goes on with what is
// emitted, and a value without one fails.
func TestTimedBy(t *testing.T) {
	events := pipeline.NewTopic("clicks", codec.String()).TimedBy(func(v string) (time.Time, error) {
		return time.Parse(time.RFC3339, v)
	})
	p := pipeline.Process("p").DeadLetters(failed)
	out := pipeline.Output(p, alarms)
	pipeline.Input(p, events, func(ctx *pipeline.Context, v string) error {
		if ctx.Timestamp().Before(ctx.StreamTime()) {
			ctx.Late()
		}
		out.Emit(ctx, ctx.Key(), ctx.StreamTime().Format(time.RFC3339))
		return nil
	})
	late := 0
	d := pipelinetest.New(t, pipeline.New("t").From(events).Add(p).To(alarms, failed),
		func(c *pipeline.Config) { c.Metrics.Handled = func(s pipeline.HandledStats) { late += s.Late } })
	d.Send(events.Record("a", "2026-05-01T00:00:00Z"), events.Record("b", "2026-04-01T00:00:00Z"), events.Record("c", "never"))
	may := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	d.Expect(alarms.Record("a", "2026-05-01T00:00:00Z").At(may), alarms.Record("b", "2026-05-01T00:00:00Z").At(may.AddDate(0, -1, 0)))
	if ms := pipelinetest.Read(d, failed); len(ms) != 1 || ms[0].Key != "c" {
		t.Errorf("dead letters %+v", ms)
	}
	if late != 1 {
		t.Errorf("%d late records, want 1", late)
	}
}

func TestTimersAreChecked(t *testing.T) {
	p := pipeline.Process("p")
	pipeline.EventTimers[string](p, "no/name", nil)
	pipeline.ClockTimers(p, "handled", codec.String()).Handle(nil)
	pipeline.Input(p, clicks, func(*pipeline.Context, string) error { return nil })
	q := pipeline.Process("q")
	pipeline.Idle(q, -time.Second)
	pipeline.Input(q, clicks, func(*pipeline.Context, string) error { return nil })
	err := pipeline.New("t").From(clicks).Add(p, q).Validate()
	for _, want := range []string{"no/name", "has no codec", "timers no/name have no handler", "timers handled have no handler", "must be positive", "Idle without EventTimers"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
}

// Whatever is set, deleted and fires, with restarts and crashes in between: the
// timers fire as those of a simple model do.
func TestTimersModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := pipelinetest.New(t, timed(false, dead))
		type timer struct {
			at  int
			key string
		}
		set := map[timer]string{}
		streamTime := -1
		var want []string
		for i := range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 11).Draw(rt, "step") {
			case 0:
				d.Restart()
				continue
			case 1:
				d.Crash()
				continue
			}
			key := rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(rt, "key")
			now, at := rapid.IntRange(0, 40).Draw(rt, "now"), rapid.IntRange(0, 50).Draw(rt, "at")
			var r pipeline.Record
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				r = clicks.Record(key, "record")
				want = append(want, key+" record")
			case 1:
				r = clicks.Record(key, fmt.Sprintf("delete %d", at))
				delete(set, timer{at, key})
			default:
				v := fmt.Sprint(i)
				r = clicks.Record(key, fmt.Sprintf("set %d %s", at, v))
				set[timer{at, key}] = v
			}
			streamTime = max(streamTime, now)
			var due []timer
			for k := range set {
				if k.at <= streamTime {
					due = append(due, k)
				}
			}
			slices.SortFunc(due, func(a, b timer) int {
				return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.key, b.key))
			})
			for _, k := range due {
				want = append(want, fmt.Sprintf("%s %d %s", k.key, k.at, set[k]))
				delete(set, k)
			}
			if rapid.Bool().Draw(rt, "wait") {
				d.Send(r.At(second(now)))
			} else {
				d.Pipe(r.At(second(now)))
			}
		}
		if got := fired(d); !slices.Equal(got, want) {
			rt.Fatalf("%q, want %q", got, want)
		}
	})
}

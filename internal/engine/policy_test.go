package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/storage"
)

var failed = pipeline.NewTopic("failed", codec.Bytes())

// flaky is dedupe with a policy and a handler that fails after its effects.
func flaky(policy pipeline.ErrorPolicy, fail func(ctx *pipeline.Context, v string) error) *pipeline.Topology {
	p := pipeline.Process("dedupe").OnError(policy)
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		n, _ := state.Get(ctx)
		state.Set(ctx, n+1)
		out.Emit(ctx, ctx.Key(), v)
		return fail(ctx, v)
	})
	t := pipeline.New("app").From(input).Add(p).To(output)
	if strings.Contains(t.String(), "failed") {
		t.To(failed)
	}
	return t
}

var quick = pipeline.Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond}

// processor returns the status of the only processor.
func (s *service) processor() (p pipeline.ProcessorStatus) {
	for _, p = range s.Status().Processors {
	}
	return p
}

func (s *service) partitions() []pipeline.PartitionStatus { return s.processor().Partitions }

func headers(r *transport.Record) map[string]string {
	hs := map[string]string{}
	for _, h := range r.Headers {
		hs[h.Key] = string(h.Value)
	}
	return hs
}

var errBad = errors.New("bad record")

// A record that fails some times is tried again, before the records after it,
// and leaves the effects of one attempt.
func TestRetry(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	var n atomic.Int32
	s := l.start("m", flaky(pipeline.Retry(3, quick), func(_ *pipeline.Context, v string) error {
		if v == "bad" && n.Add(1) <= 3 {
			return errBad
		}
		return nil
	}))
	l.send("in", "a", "bad", "c")
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "bad", "c"}) {
		t.Errorf("outputs %q, want a, bad, c", got)
	}
	if got := l.keys("seen"); !slices.Equal(got, []string{"a", "bad", "c"}) {
		t.Errorf("changelog %q, want a, bad, c", got)
	}
	if f := s.processor().Failures; f != (pipeline.Failures{Failed: 3, Retried: 3}) {
		t.Errorf("counted %+v, want 3 failed and 3 retried", f)
	}
}

func TestRetriesEnd(t *testing.T) {
	always := func(_ *pipeline.Context, v string) error {
		if v == "bad" {
			return errBad
		}
		return nil
	}
	for _, tt := range []struct {
		name   string
		policy pipeline.ErrorPolicy
		fail   func(*pipeline.Context, string) error
		want   []string // outputs
		stops  bool
		counts pipeline.Failures
		dead   string // attempts of the dead letter
	}{
		{"stop", pipeline.Stop(), always, []string{"a"}, true, pipeline.Failures{Failed: 1}, ""},
		{"retry", pipeline.Retry(2, quick), always, []string{"a"}, true, pipeline.Failures{Failed: 3, Retried: 2}, ""},
		{"skip", pipeline.Skip(), always, []string{"a", "c"}, false, pipeline.Failures{Failed: 1, Skipped: 1}, ""},
		{"dead letter", pipeline.DeadLetter(failed), always, []string{"a", "c"}, false, pipeline.Failures{Failed: 1, DeadLetters: 1}, "1"},
		{"retry, then dead letter", pipeline.Retry(2, quick).Then(pipeline.DeadLetter(failed)), always, []string{"a", "c"}, false,
			pipeline.Failures{Failed: 3, Retried: 2, DeadLetters: 1}, "3"},
		{"permanent", pipeline.Retry(2, quick).Then(pipeline.DeadLetter(failed)), func(_ *pipeline.Context, v string) error {
			if v == "bad" {
				return fmt.Errorf("look: %w", pipeline.Permanent(errBad))
			}
			return nil
		}, []string{"a", "c"}, false, pipeline.Failures{Failed: 1, DeadLetters: 1}, "1"},
		{"panic", pipeline.Retry(2, quick).Then(pipeline.DeadLetter(failed)), func(_ *pipeline.Context, v string) error {
			if v == "bad" {
				panic(errBad)
			}
			return nil
		}, []string{"a", "c"}, false, pipeline.Failures{Failed: 1, DeadLetters: 1}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 1, "in", "out")
			s := l.start("m", flaky(tt.policy, tt.fail))
			l.send("in", "a", "bad", "c")
			if tt.stops {
				<-s.ended
				var re *pipeline.RecordError
				if !errors.Is(s.err, errBad) || !errors.As(s.err, &re) || re.Offset != 1 || re.Attempts != int(tt.counts.Failed) {
					t.Errorf("the run ended with %v, want the error of the record at offset 1", s.err)
				}
				if got := l.Committed(group)["in"][0]; got != 1 {
					t.Errorf("committed offset %d, want 1", got)
				}
			} else {
				l.settled(group, "in")
			}
			if got := l.keys("out"); !slices.Equal(got, tt.want) {
				t.Errorf("outputs %q, want %q", got, tt.want)
			}
			if got := l.keys("seen"); !slices.Equal(got, tt.want) {
				t.Errorf("changelog %q, want %q", got, tt.want)
			}
			if f := s.processor().Failures; f != tt.counts {
				t.Errorf("counted %+v, want %+v", f, tt.counts)
			}
			if tt.dead != "" {
				dead := l.Records("failed")
				if len(dead) != 1 || headers(dead[0])[pipeline.HeaderAttempts] != tt.dead {
					t.Errorf("dead letters %v, want one after %s attempts", dead, tt.dead)
				}
			}
		})
	}
}

// While a record waits for its next attempt, other partitions go on and are
// committed, and so is what came before it; a drain does not wait.
func TestRetryHoldsUpNobody(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	long := pipeline.Backoff{Min: time.Hour, Max: time.Hour}
	s := l.start("m", flaky(pipeline.Retry(pipeline.Unlimited, long), func(_ *pipeline.Context, v string) error {
		if v == "bad" {
			return errBad
		}
		return nil
	}))
	at := func(p int32, v string) {
		if err := l.Append(&transport.Record{Topic: "in", Partition: p, Key: []byte(v), Value: []byte(v)}, true); err != nil {
			t.Fatal(err)
		}
	}
	at(0, "a")
	at(0, "bad")
	at(0, "c")
	l.until("the record that waits", func() bool {
		ps := s.partitions()
		return len(ps) == 2 && ps[0].Retrying != nil && ps[0].Retrying.Offset == 1 && ps[0].Retrying.Attempts == 1
	})
	at(1, "d")
	l.until("the other partition and what came before", func() bool {
		c := l.Committed(group)["in"]
		return c[0] == 1 && c[1] == 1
	})
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("the drain took %v", d)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "d"}) {
		t.Errorf("outputs %q, want a and d", got)
	}
	// It comes again, first.
	l.start("m", flaky(pipeline.Stop(), func(*pipeline.Context, string) error { return nil }))
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "d", "bad", "c"}) {
		t.Errorf("outputs %q, want a, d, bad, c", got)
	}
}

// A rebalance ends the wait, and the other member handles the record.
func TestRebalanceEndsARetry(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	long := pipeline.Backoff{Min: time.Hour, Max: time.Hour}
	var n atomic.Int32
	topology := func() *pipeline.Topology {
		return flaky(pipeline.Retry(1, long), func(_ *pipeline.Context, v string) error {
			if n.Add(1) <= 2 {
				return errBad
			}
			return nil
		})
	}
	a := l.start("a", topology())
	for p := range int32(2) {
		if err := l.Append(&transport.Record{Topic: "in", Partition: p, Key: []byte{'0' + byte(p)}, Value: []byte("v")}, true); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func() (n int) {
		for _, p := range a.partitions() {
			if p.Retrying != nil {
				n++
			}
		}
		return n
	}
	l.until("both records to wait", func() bool { return waiting() == 2 })
	l.start("b", topology())
	l.until("the record of the partition that moved", func() bool { return len(l.keys("out")) == 1 })
	if got := waiting(); got != 1 {
		t.Errorf("%d records wait at the first member, want the one that stayed", got)
	}
}

// A dead letter has the record's bytes and times, its headers first, and all
// that is known of the failure.
func TestDeadLetterIsComplete(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.start("m", flaky(pipeline.DeadLetter(failed), func(*pipeline.Context, string) error { return errBad }))
	at := time.Date(2025, 1, 2, 3, 4, 5, 6e6, time.UTC)
	sent := &transport.Record{Topic: "in", Key: []byte{0xff, 0}, Value: []byte{0, 0xfe}, Timestamp: at,
		Headers: []transport.Header{{Key: "own", Value: []byte{1}}, {Key: "empty"}}}
	if err := l.Append(sent, false); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*transport.Record{{Topic: "in", Value: []byte{}}, {Topic: "in", Key: []byte{}}} { // no key; no value
		if err := l.Append(r, false); err != nil {
			t.Fatal(err)
		}
	}
	l.settled(group, "in")
	dead := l.Records("failed")
	if len(dead) != 3 {
		t.Fatalf("%d dead letters, want 3", len(dead))
	}
	r := dead[0]
	if string(r.Key) != "\xff\x00" || string(r.Value) != "\x00\xfe" || !r.Timestamp.Equal(at) {
		t.Errorf("key %q, value %q, time %v", r.Key, r.Value, r.Timestamp)
	}
	if h := r.Headers; len(h) != 11 || h[0].Key != "own" || string(h[0].Value) != "\x01" || h[1].Key != "empty" || h[2].Key != pipeline.HeaderProcessor {
		t.Errorf("headers %v", h)
	}
	hs := headers(r)
	for key, want := range map[string]string{
		pipeline.HeaderProcessor: "dedupe", pipeline.HeaderStage: "decode", pipeline.HeaderError: "string is not valid UTF-8",
		pipeline.HeaderTopic: "in", pipeline.HeaderPartition: "0", pipeline.HeaderOffset: "0",
		pipeline.HeaderTimestamp: fmt.Sprint(at.UnixMilli()), pipeline.HeaderAttempts: "1"} {
		if hs[key] != want {
			t.Errorf("header %s is %q, want %q", key, hs[key], want)
		}
	}
	if dead[1].Key != nil || dead[1].Value == nil || headers(dead[1])[pipeline.HeaderError] != "record has no key" {
		t.Errorf("the record without a key became %v", dead[1])
	}
	if dead[2].Key == nil || dead[2].Value != nil || headers(dead[2])[pipeline.HeaderStage] != "decode" {
		t.Errorf("the record without a value became %v", dead[2])
	}
}

// panicky is a codec that panics at a value, and one that does not encode.
type panicky struct{ codec.Codec[string] }

func (c panicky) Decode(b []byte) (string, error) {
	if string(b) == "decode panics" {
		panic("cannot")
	}
	return c.Codec.Decode(b)
}

func (c panicky) Append(dst []byte, v string) ([]byte, error) {
	switch v {
	case "encode panics":
		panic("cannot")
	case "encode fails":
		return nil, errBad
	}
	return c.Codec.Append(dst, v)
}

func TestCodecFailuresAreTheRecords(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	in, out := pipeline.NewTopic("in", codec.Codec[string](panicky{codec.String()})), pipeline.NewTopic("out", codec.Codec[string](panicky{codec.String()}))
	p := pipeline.Process("dedupe").OnError(pipeline.Retry(9, quick).Then(pipeline.DeadLetter(failed)))
	o := pipeline.Output(p, out)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error { o.Emit(ctx, ctx.Key(), v); return nil })
	l.start("m", pipeline.New("app").From(in).Add(p).To(out, failed))
	l.send("in", "a", "decode panics", "encode panics", "encode fails", "b")
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("outputs %q, want a and b", got)
	}
	var stages []string
	for _, r := range l.Records("failed") {
		hs := headers(r)
		stages = append(stages, hs[pipeline.HeaderStage])
		if hs[pipeline.HeaderAttempts] != "1" {
			t.Errorf("%q was tried %s times", r.Value, hs[pipeline.HeaderAttempts])
		}
	}
	if !slices.Equal(stages, []string{"panic", "panic", "encode"}) {
		t.Errorf("stages %q", stages)
	}
}

// brokenStore fails to read once told to.
type brokenStore struct {
	storage.Store
	broken *atomic.Bool
}

func (s brokenStore) Get(key []byte) ([]byte, error) {
	if s.broken.Load() {
		return nil, errors.New("input/output error")
	}
	return s.Store.Get(key)
}

// A store that cannot be read is not the record's fault: the processor starts
// again, and no dead letter is written.
func TestBrokenStoreRestartsTheProcessor(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	var broken atomic.Bool
	broken.Store(true)
	s := l.start("m", flaky(pipeline.DeadLetter(failed), func(*pipeline.Context, string) error { return nil }), func(e *engine.Config) {
		open := e.OpenStore
		e.OpenStore = func(s engine.StoreSpec) (storage.Store, error) {
			st, err := open(s)
			return brokenStore{st, &broken}, err
		}
	})
	l.send("in", "a")
	l.until("the failure in the status", func() bool {
		p := s.processor()
		return p.Phase == pipeline.Waiting && strings.Contains(p.Error, "input/output error")
	})
	broken.Store(false)
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) || len(l.keys("failed")) != 0 {
		t.Errorf("outputs %q, dead letters %q", got, l.keys("failed"))
	}
}

// A stored value that does not decode stops the run: it will not decode the
// next time either.
func TestUndecodableStateStops(t *testing.T) {
	l := newLab(t, 1, "in", "out", "seen")
	l.send("seen", "a") // not eight bytes
	s := l.start("m", flaky(pipeline.DeadLetter(failed), func(*pipeline.Context, string) error { return nil }))
	l.send("in", "a")
	<-s.ended
	if s.err == nil || !strings.Contains(s.err.Error(), `table seen, key "a": decode stored value`) {
		t.Errorf("the run ended with %v", s.err)
	}
	if c := l.Committed(group)["in"][0]; c != 0 || len(l.keys("failed")) != 0 {
		t.Errorf("committed %d, dead letters %q", c, l.keys("failed"))
	}
}

// The dead letter and the position are one commit: a kill in between repeats
// the dead letter, and loses none.
func TestKillBetweenDeadLetterAndOffsets(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	l.SetHook(is(memory.Commit, "", memory.Verdict{Kill: true}))
	topology := func() *pipeline.Topology {
		return flaky(pipeline.DeadLetter(failed), func(*pipeline.Context, string) error { return errBad })
	}
	s := l.start("m", topology(), briefDrain)
	l.send("in", "a")
	l.until("the dead letter", func() bool { return len(l.keys("failed")) > 0 })
	l.neverSettles(group, "in")
	l.kill(s)
	l.start("m", topology())
	l.settled(group, "in")
	if got := l.keys("failed"); !slices.Equal(unique(got), []string{"a"}) || len(got) > 2 {
		t.Errorf("dead letters %q", got)
	}
}

package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// A failed record leaves nothing behind, and those before it are committed.
func TestFailedRecordStopsBeforeItself(t *testing.T) {
	l := newLab(t, 1, "in", "out")
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	errBad := errors.New("bad record")
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		state.Set(ctx, 1)
		out.Emit(ctx, ctx.Key(), v)
		if v == "bad" {
			return errBad
		}
		return nil
	})
	s := l.start("m", pipeline.New("app").From(input).Add(p).To(output))
	l.send("in", "a", "bad", "c")
	<-s.ended
	var re *pipeline.RecordError
	if !errors.Is(s.err, errBad) || !errors.As(s.err, &re) || re.Offset != 1 || re.Topic != "in" || re.Key != "bad" {
		t.Errorf("the run ended with %v, want the error of the record at offset 1", s.err)
	}
	if got := l.keys("out"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("outputs %q, want a", got)
	}
	if got := l.keys("seen"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("changelog %q, want a", got)
	}
	if got := l.Committed(group)["in"][0]; got != 1 {
		t.Errorf("committed offset %d, want 1", got)
	}
}

func TestDeadLetters(t *testing.T) {
	failed := pipeline.NewTopic("failed", codec.Bytes())
	l := newLab(t, 1, "in", "out")
	p := pipeline.Process("dedupe").DeadLetters(failed)
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		state.Set(ctx, 1)
		out.Emit(ctx, ctx.Key(), v)
		if v == "bad" {
			panic("oh")
		}
		return nil
	})
	l.start("m", pipeline.New("app").From(input).Add(p).To(output, failed))
	l.send("in", "a", "bad", "c")
	l.settled(group, "in")
	if got := l.keys("out"); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("outputs %q, want a and c", got)
	}
	dead := l.Records("failed")
	if len(dead) != 1 || string(dead[0].Value) != "bad" || string(dead[0].Key) != "bad" {
		t.Fatalf("dead letters %v, want the bad record", dead)
	}
	headers := map[string]string{}
	for _, h := range dead[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers[pipeline.HeaderStage] != "panic" || headers[pipeline.HeaderTopic] != "in" || headers[pipeline.HeaderOffset] != "1" ||
		headers[pipeline.HeaderError] != "panic: oh" || headers[pipeline.HeaderStack] == "" {
		t.Errorf("headers %q", headers)
	}
}

// A wiped disk is restored from the changelog.
func TestRestoreOfALostStore(t *testing.T) {
	l := newLab(t, 3, "in", "out")
	var keys []string
	for i := range 500 {
		keys = append(keys, fmt.Sprint("key-", i))
	}
	s := l.start("m", dedupe())
	l.send("in", keys...)
	l.settled(group, "in")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	l.wipe()
	l.start("m", dedupe())
	l.send("in", keys...)
	l.settled(group, "in")
	if got := l.keys("out"); len(got) != len(keys) {
		t.Errorf("%d outputs, want %d", len(got), len(keys))
	}
}

// A member that was expelled gives its work up and starts again from what is
// committed.
func TestExpelledMemberComesBack(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	l.start("m", dedupe())
	l.send("in", "a", "b")
	l.settled(group, "in")
	l.SetHook(is(memory.Produce, "out", memory.Verdict{Lose: true}))
	l.send("in", "c", "d")
	l.neverSettles(group, "in")
	l.SetHook(nil)
	l.Expel(group)
	l.settled(group, "in")
	if got := unique(l.keys("out")); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("outputs %q, want a to d", got)
	}
}

// Two instances share the partitions; when one is killed, the other does all.
func TestTwoInstances(t *testing.T) {
	l := newLab(t, 4, "in", "out")
	a := l.start("a", dedupe())
	if err := a.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := l.start("b", dedupe())
	parts := func(s *service) (n int) {
		for _, p := range s.Status().Processors {
			for _, part := range p.Partitions {
				if part.Ready {
					n++
				}
			}
		}
		return n
	}
	l.until("two partitions each", func() bool { return parts(a) == 2 && parts(b) == 2 })
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprint("key-", i))
	}
	l.send("in", keys[:100]...)
	l.settled(group, "in")
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	l.until("all partitions at the other", func() bool { return parts(a) == 4 })
	l.send("in", keys...)
	l.settled(group, "in")
	if got := unique(l.keys("out")); len(got) != len(keys) || len(l.keys("out")) != len(keys) {
		t.Errorf("%d outputs of %d keys, want %d", len(l.keys("out")), len(got), len(keys))
	}
}

// Inputs of one task are merged by time.
func TestInputsAreMergedByTime(t *testing.T) {
	l := newLab(t, 1, "in", "late", "out")
	other := pipeline.NewTopic("late", codec.String())
	p := pipeline.Process("merge")
	out := pipeline.Output(p, output)
	pass := func(ctx *pipeline.Context, v string) error { out.Emit(ctx, ctx.Key(), v); return nil }
	pipeline.Input(p, input, pass)
	pipeline.Input(p, other, pass)
	for i := range 10 {
		topic := "in"
		if i%2 == 1 {
			topic = "late"
		}
		l.send(topic, fmt.Sprint(i))
		r := l.Records(topic)
		r[len(r)-1].Timestamp = r[len(r)-1].Timestamp.AddDate(0, 0, i)
	}
	l.start("m", pipeline.New("app").From(input, other).Add(p).To(output))
	l.settled("app-merge", "in")
	l.settled("app-merge", "late")
	if got := l.keys("out"); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
		t.Errorf("order %q, want by time", got)
	}
}

// What was processed of a partition that goes to another member is committed
// before it goes: it does not come twice.
func TestRevocationCommits(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	never := func(e *engine.Config) { e.CommitInterval = time.Hour }
	a := l.start("a", dedupe(), never)
	if err := a.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 20 {
		keys = append(keys, fmt.Sprint("key-", i))
	}
	l.send("in", keys...)
	l.until("the outputs", func() bool { return len(l.keys("out")) == len(keys) })
	if c := l.Committed(group); len(c) > 0 {
		t.Fatalf("committed %v before the rebalance", c)
	}
	b := l.start("b", dedupe(), never)
	l.until("a partition at the other", func() bool {
		for _, p := range b.Status().Processors {
			for _, part := range p.Partitions {
				if part.Ready {
					return true
				}
			}
		}
		return false
	})
	if c := l.Committed(group)["in"]; len(c) != 1 {
		t.Errorf("committed %v, want the partition that went away", c)
	}
	if err := errors.Join(a.stop(), b.stop()); err != nil {
		t.Error(err)
	}
	if got := l.keys("out"); len(got) != len(keys) {
		t.Errorf("%d outputs, want %d", len(got), len(keys))
	}
}

package pipeline_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/table"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// A dead letter has the bytes and headers of the record that failed, and of a
// panic where it was; what is long is cut, between two characters.
func TestDeadLetterOfAPanic(t *testing.T) {
	p := pipeline.Process("p").DeadLetters(failed)
	pipeline.Input(p, clicks, func(_ *pipeline.Context, v string) error { panic("x" + strings.Repeat("é", 10_000)) })
	d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p).To(failed))
	d.Send(clicks.Record("k", "v").With("own", []byte{0, 1}))
	ms := pipelinetest.Read(d, failed)
	if len(ms) != 1 || ms[0].Key != "k" || string(ms[0].Value) != "v" {
		t.Fatalf("dead letters %+v", ms)
	}
	if h := ms[0].Headers[0]; h.Name != "own" || string(h.Value) != "\x00\x01" {
		t.Errorf("the first header is %q, want the record's own", h)
	}
	hs := map[string]string{}
	for _, h := range ms[0].Headers {
		hs[h.Name] = string(h.Value)
	}
	if e := hs[pipeline.HeaderError]; len(e) > 8<<10 || len(e) < 8<<10-4 || !utf8.ValidString(e) || !strings.Contains(e, "xé") {
		t.Errorf("the error has %d bytes, valid: %v, %.60s", len(e), utf8.ValidString(e), e)
	}
	if st := hs[pipeline.HeaderStack]; hs[pipeline.HeaderStage] != string(pipeline.StagePanic) || len(st) > 8<<10 || !strings.Contains(st, "failure_test.go") {
		t.Errorf("stage %s, stack:\n%s", hs[pipeline.HeaderStage], st)
	}
}

// State that cannot be read is not the record's fault: whatever the policy, the
// record is neither skipped nor a dead letter, nothing is committed past it,
// and another start fails in the same way.
func TestStateThatDoesNotDecode(t *testing.T) {
	for _, v := range []string{"bad", "panic"} {
		state := pipeline.NewTable("state", codec.Codec[string](panickyReads{codec.String()}))
		p := pipeline.Process("p").OnError(pipeline.Retry(2, pipeline.Backoff{}).Then(pipeline.Skip()))
		s := pipeline.State(p, state)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			s.Get(ctx)
			s.Set(ctx, v)
			return nil
		})
		d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p))
		d.Send(clicks.Record("k", v), clicks.Record("other", "v"))
		d.Restart() // what was written is read from the store now
		err := d.TrySend(clicks.Record("k", "new"))
		var re *pipeline.RecordError
		if !errors.As(err, &re) || re.Offset != 2 || re.Key != "k" {
			t.Errorf("%s: %v, want an error of the record", v, err)
			continue
		}
		var broken *table.DecodeError
		if v == "bad" && (!errors.As(err, &broken) || broken.Key != "k" || re.Stage != pipeline.StageRead) {
			t.Errorf("%s: stage %s, %v", v, re.Stage, err)
		}
	}
}

// A stored value whose codec has to wait for something outside, such as a schema
// registry, starts the processor again until that is there.
func TestStateThatDoesNotDecodeYet(t *testing.T) {
	var away atomic.Int64
	waiting := codec.New("waiting", func(v string) ([]byte, error) { return []byte(v), nil }, func(b []byte) (string, error) {
		if away.Add(-1) >= 0 {
			return "", pipeline.Retryable(errors.New("away"))
		}
		return string(b), nil
	})
	state := pipeline.NewTable("state", waiting)
	p := pipeline.Process("p").OnError(pipeline.Skip())
	s := pipeline.State(p, state)
	pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
		before, _ := s.Get(ctx)
		s.Set(ctx, before+v)
		return nil
	})
	d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p))
	d.Send(clicks.Record("k", "a"))
	d.Restart() // what was written is read from the store now
	away.Store(3)
	d.Send(clicks.Record("k", "b"))
	d.Expect(state.Row("k", "ab"))
	if away.Load() >= 0 {
		t.Errorf("the value was decoded before the codec was ready")
	}
}

// panickyReads is panicky of what it reads alone.
type panickyReads struct{ codec.Codec[string] }

func (c panickyReads) Decode(b []byte) (string, error) { return panicky(c).Decode(b) }

// A cell is deleted as its key is, and keys of a store are read beside it.
func TestDeletedState(t *testing.T) {
	var found []string
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		cell, store := pipeline.State(p, perUser), pipeline.Store(p, index)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			n, _ := cell.Get(ctx)
			switch v {
			case "forget":
				cell.Delete(ctx)
				if _, ok := cell.Get(ctx); ok {
					t.Error("it is there after its deletion, in the same handler")
				}
				return nil
			case "find":
				for _, k := range []string{"last", "none"} {
					if s, ok := store.Get(ctx, k); ok {
						found = append(found, k+"="+s)
					}
				}
				return nil
			}
			cell.Set(ctx, n+1)
			store.Set(ctx, "last", v)
			return nil
		})
	}))
	d.Send(clicks.Record("u", "a"), clicks.Record("u", "b"))
	d.Expect(perUser.Row("u", 2))
	d.Send(clicks.Record("u", "forget"), clicks.Record("u", "find"))
	d.Expect(perUser.Deleted("u"))
	d.Restart()
	d.Send(clicks.Record("u", "c"), clicks.Record("v", "find"))
	d.Expect(perUser.Row("u", 1))
	if got := strings.Join(found, " "); got != "last=b last=c" {
		t.Errorf("found %s", got)
	}
	re := failsWith(t, clicks.Record("", "v").Unkeyed(), func(p *pipeline.Processor) {
		s := pipeline.State(p, perUser)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, _ string) error { s.Delete(ctx); return nil })
	})
	if !errors.Is(re, pipeline.ErrNoKey) {
		t.Errorf("a deletion by a record without a key: %v", re)
	}
}

package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// one makes a topology of one processor.
func one(build func(p *pipeline.Processor)) *pipeline.Topology {
	p := pipeline.Process("p")
	build(p)
	return pipeline.New("t").From(clicks, users, visits).Add(p).To(clicks, users, visits)
}

func TestLoop(t *testing.T) {
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		total := pipeline.State(p, perUser)
		loop := pipeline.Loop(p, codec.Int64())
		loop.Handle(func(ctx *pipeline.Context, n int64) error {
			so, _ := total.Get(ctx)
			total.Set(ctx, so+n)
			if n > 1 {
				loop.Emit(ctx, ctx.Key(), n-1)
			}
			return nil
		})
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			loop.Emit(ctx, v, 3)
			return nil
		})
	}))
	d.Send(clicks.Record("ignored", "u"))
	d.Expect(perUser.Row("u", 6))
}

func TestStoreRange(t *testing.T) {
	var listed []string
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		s := pipeline.Store(p, index)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			switch {
			case v == "list":
				listed = nil
				for k, v := range s.Range(ctx, "b", "d") {
					listed = append(listed, k+"="+v)
				}
				for k := range s.Prefix(ctx, "a") {
					listed = append(listed, k)
				}
			case v == "":
				s.Delete(ctx, ctx.Key())
			default:
				s.Set(ctx, ctx.Key(), v)
			}
			return nil
		})
	}))
	d.Send(clicks.Record("a1", "1"), clicks.Record("a2", "2"), clicks.Record("b", "3"), clicks.Record("c", "4"), clicks.Record("d", "5"),
		clicks.Record("c", "6"), clicks.Record("a2", ""), clicks.Record("x", "list"))
	want := []string{"b=3", "c=6", "a1"}
	if !slices.Equal(listed, want) {
		t.Errorf("listed %q, want %q", listed, want)
	}
	d.Crash()
	d.Send(clicks.Record("x", "list"))
	if !slices.Equal(listed, want) {
		t.Errorf("after a crash %q, want %q", listed, want)
	}
}

func TestChangesOfATable(t *testing.T) {
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		out := pipeline.Output(p, visits)
		pipeline.Changes(p, users, func(ctx *pipeline.Context, c pipeline.Change[visit]) error {
			if c.Deleted {
				c.Value.Page = "gone"
			}
			out.Emit(ctx, ctx.Key(), c.Value)
			return nil
		})
	}))
	d.Send(users.Row("u", visit{"a"}), users.Deleted("u"))
	d.Expect(visits.Record("u", visit{"a"}), visits.Record("u", visit{"gone"}))
}

func TestLookup(t *testing.T) {
	pipelinetest.Each(t, func() *pipeline.Topology {
		return one(func(p *pipeline.Processor) {
			all := pipeline.Lookup(p, users)
			out := pipeline.Output(p, visits)
			pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
				u, ok := all.Get(ctx, v)
				out.Emit(ctx, fmt.Sprint(ok), u)
				return nil
			})
		})
	}, func(d *pipelinetest.Driver) {
		d.Send(users.Row("u", visit{"home"}), clicks.Record("k", "u"), clicks.Record("k", "v"), users.Deleted("u"), clicks.Record("k", "u"))
		d.Expect(visits.Record("true", visit{"home"}), visits.Record("false", visit{}), visits.Record("false", visit{}))
	})
}

func TestRecordDetails(t *testing.T) {
	at := time.Date(2025, 5, 5, 5, 5, 5, 0, time.UTC)
	var got string
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		out := pipeline.Output(p, visits)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			h, _ := ctx.Header("h")
			got = fmt.Sprint(ctx.Topic(), ctx.Partition(), ctx.Offset(), ctx.Timestamp(), string(h), ctx.HasKey(), ctx.Now())
			out.EmitAt(ctx, "later", visit{v}, ctx.Timestamp().Add(time.Hour), pipeline.Header{Name: "n", Value: []byte("v")})
			out.EmitUnkeyed(ctx, visit{"no key"})
			return nil
		})
	}))
	d.Advance(time.Minute)
	d.Send(clicks.Record("k", "v").At(at).With("h", []byte("1")).With("h", []byte("2")))
	if want := fmt.Sprint("clicks", 0, 0, at, "2", true, d.Now()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	d.Expect(visits.Record("later", visit{"v"}).At(at.Add(time.Hour)), visits.Record("", visit{"no key"}).At(at))
	ms := pipelinetest.Read(d, visits)
	if len(ms) != 0 {
		t.Errorf("Read returned what Expect had seen: %v", ms)
	}
}

// failsWith runs one record and returns the error that ended the run.
func failsWith(t *testing.T, r pipeline.Record, build func(p *pipeline.Processor)) *pipeline.RecordError {
	t.Helper()
	d := pipelinetest.New(t, one(build))
	err := d.TrySend(r)
	var re *pipeline.RecordError
	if !errors.As(err, &re) {
		t.Fatalf("the run ended with %v, want a RecordError", err)
	}
	return re
}

func TestFailures(t *testing.T) {
	good := clicks.Record("k", "v")
	t.Run("decode", func(t *testing.T) {
		bad := pipeline.NewTopic("clicks", codec.Bytes()).Record("k", []byte{0xff})
		if re := failsWith(t, bad, func(p *pipeline.Processor) { pipeline.Input(p, clicks, nothing[string]) }); re.Stage != pipeline.StageDecode {
			t.Errorf("stage %s", re.Stage)
		}
	})
	t.Run("tombstone", func(t *testing.T) {
		re := failsWith(t, clicks.Tombstone("k"), func(p *pipeline.Processor) { pipeline.Input(p, clicks, nothing[string]) })
		if !errors.Is(re, pipeline.ErrTombstone) {
			t.Error(re)
		}
	})
	t.Run("no key", func(t *testing.T) {
		re := failsWith(t, good.Unkeyed(), func(p *pipeline.Processor) {
			s := pipeline.State(p, perUser)
			pipeline.Input(p, clicks, func(ctx *pipeline.Context, _ string) error { s.Get(ctx); return nil })
		})
		if !errors.Is(re, pipeline.ErrNoKey) {
			t.Error(re)
		}
	})
	t.Run("foreign handle", func(t *testing.T) {
		other := pipeline.Process("other")
		foreign := pipeline.Output(other, visits)
		re := failsWith(t, good, func(p *pipeline.Processor) {
			pipeline.Output(p, visits)
			pipeline.Input(p, clicks, func(ctx *pipeline.Context, _ string) error { foreign.Emit(ctx, "k", visit{}); return nil })
		})
		if !errors.Is(re, pipeline.ErrForeignHandle) {
			t.Error(re)
		}
	})
	t.Run("encode", func(t *testing.T) {
		weird := pipeline.NewTopic("weird", codec.JSON[func()]())
		p := pipeline.Process("p")
		out := pipeline.Output(p, weird)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, _ string) error { out.Emit(ctx, "k", func() {}); return nil })
		d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p).To(weird))
		var re *pipeline.RecordError
		if err := d.TrySend(good); !errors.As(err, &re) || re.Stage != pipeline.StageEncode {
			t.Errorf("%v", err)
		}
	})
	t.Run("changed in place", func(t *testing.T) {
		maps := pipeline.NewTable("maps", codec.JSON[map[string]int]())
		p := pipeline.Process("p")
		s := pipeline.State(p, maps)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
			m, ok := s.Get(ctx)
			if !ok {
				m = map[string]int{}
			}
			m[v]++
			s.Set(ctx, m)
			return nil
		})
		d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p))
		d.Send(good)
		if err := d.TrySend(good); err == nil || !strings.Contains(err.Error(), "in place") {
			t.Errorf("the driver did not find a handler that changes a shared value: %v", err)
		}
	})
}

// A table with a Clone function gives values that may be changed.
func TestClone(t *testing.T) {
	maps := pipeline.NewTable("maps", codec.JSON[map[string]int]()).Clone(func(m map[string]int) map[string]int {
		c := map[string]int{}
		for k, v := range m {
			c[k] = v
		}
		return c
	})
	p := pipeline.Process("p")
	s := pipeline.State(p, maps)
	pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
		m, ok := s.Get(ctx)
		if !ok {
			m = map[string]int{}
		}
		m[v]++
		if v == "fail" {
			return errors.New("undone")
		}
		s.Set(ctx, m)
		return nil
	})
	d := pipelinetest.New(t, pipeline.New("t").From(clicks).Add(p))
	d.Send(clicks.Record("k", "a"), clicks.Record("k", "a"), clicks.Record("k", "b"))
	d.Expect(maps.Row("k", map[string]int{"a": 2, "b": 1}))
}

// A context that is used after its handler returned does nothing.
func TestContextAfterItsHandler(t *testing.T) {
	var kept *pipeline.Context
	var out pipeline.Out[visit]
	d := pipelinetest.New(t, one(func(p *pipeline.Processor) {
		out = pipeline.Output(p, visits)
		pipeline.Input(p, clicks, func(ctx *pipeline.Context, _ string) error {
			if kept != nil {
				out.Emit(kept, "k", visit{"from the grave"})
			}
			kept = ctx
			return nil
		})
	}))
	d.Send(clicks.Record("k", "1"), clicks.Record("k", "2"))
	d.ExpectNone(visits)
	if err := kept.Err(); !errors.Is(err, pipeline.ErrContextDone) {
		t.Errorf("Err is %v, want ErrContextDone", err)
	}
}

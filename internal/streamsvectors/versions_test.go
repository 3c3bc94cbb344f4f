package streamsvectors

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

// TestVersions compares which writes a versioned table takes.
func TestVersions(t *testing.T) {
	compare(t, vectors(t, "tables", "versioned"), strict, atOnce, func(v Vector) *pipeline.Topology {
		p := pipeline.Process("p")
		versions := processors.NewVersions(p, "versions", codec.String(), time.Duration(v.History)*time.Millisecond)
		to := pipeline.Output(p, out)
		pipeline.InputOrDeletion(p, in, func(ctx *pipeline.Context, c pipeline.Change[string]) error {
			if !ctx.HasKey() {
				return pipeline.ErrNoKey
			}
			if c.Deleted {
				if _, ok := versions.Delete(ctx, ctx.Key(), ctx.Timestamp()); ok {
					to.Delete(ctx, ctx.Key())
				}
				return nil
			}
			if _, ok := versions.Put(ctx, ctx.Key(), c.Value, ctx.Timestamp()); ok {
				to.Emit(ctx, ctx.Key(), c.Value)
			}
			return nil
		})
		return pipeline.New("vectors").From(in).Add(skip(p)).To(out)
	})
}

const forgotten = "Kafka Streams forgets a deletion that takes the place of a key's only version, as it has the same time: " +
	"an older change that comes later holds for its time, too"

// TestDeletions compares which deletions hold for an older change that comes later.
func TestDeletions(t *testing.T) {
	differ := 0
	vs := because(forgotten, vectors(t, "joins", "versioned-deletions"), func(_ *Vector, s *Step) {
		for i, o := range s.Out {
			if *s.In.Key == "c" && o.Time >= 84 && o.Time < 100 {
				if o.Value != s.In.Value.(string)+"+c72" {
					t.Errorf("Kafka Streams has %v for %v: it forgot nothing", o, s.In)
				}
				s.Out[i].Value = s.In.Value.(string) + "+null"
				differ++
			}
		}
	})
	if differ == 0 {
		t.Error("no deletion was forgotten")
	}
	compare(t, vs, strict, inTurn, func(v Vector) *pipeline.Topology {
		return pipeline.New("vectors").From(in, table).To(out).
			Add(skip(processors.LeftJoinVersioned("p", in, table, ms(v.History), out, plusMaybe)))
	})
}

// TestStreamVersioned compares joins with a versioned table. With a grace period
// stream time is that of both inputs here, and in Kafka Streams that of the stream:
// in those vectors no change of the table is newer than the stream, so that the two
// are one.
func TestStreamVersioned(t *testing.T) {
	vs := because(noKey, vectors(t, "joins", "stream-versioned"), func(_ *Vector, s *Step) {
		if s.In.Key == nil {
			s.Out = nil
		}
	})
	vs = because(forgotten, vs, func(v *Vector, s *Step) {
		for i, o := range s.Out {
			if v.Grace > 0 && v.Seed == 9 && o.Time >= 1_000_084 { // when a was deleted; v11 is of 72
				s.Out[i].Value = strings.Replace(o.Value.(string), "+v11", "+null", 1)
			}
		}
	})
	waited := 0
	for _, v := range vs {
		if v.Grace > 0 {
			waited++
		}
	}
	if waited == 0 || waited == len(vs) {
		t.Fatalf("%d of %d vectors have a grace period", waited, len(vs))
	}
	compare(t, vs, strict, inTurn, func(v Vector) *pipeline.Topology {
		wait := processors.WaitForVersions(ms(v.Grace))
		p := processors.JoinVersioned("p", in, table, ms(v.History), out, plus, wait)
		if v.Type == "left" {
			p = processors.LeftJoinVersioned("p", in, table, ms(v.History), out, plusMaybe, wait)
		}
		return pipeline.New("vectors").From(in, table).Add(skip(p)).To(out)
	})
}

// TestTableAggregate compares aggregations of a table by group.
func TestTableAggregate(t *testing.T) {
	vs := because("an aggregate is as old as the record that changed it; in Kafka Streams as the latest of the group",
		vectors(t, "tables", "table-aggregate"), func(_ *Vector, s *Step) {
			for i := range s.Out {
				s.Out[i].Time = s.In.Time
			}
		})
	group := func(key, v string) (string, string, bool) {
		to, rest, _ := strings.Cut(v, "|")
		return to, key + rest, to != "-"
	}
	compare(t, vs, strict, single, func(v Vector) *pipeline.Topology {
		top, counts := pipeline.New("vectors").From(rows("in")), pipeline.NewTable("out", codec.Int64())
		var ps []*pipeline.Processor
		sign := func(s string, bare bool) func(*pipeline.Context, string, string) (string, error) {
			return func(_ *pipeline.Context, so, g string) (string, error) {
				if so == "" && bare {
					return g, nil
				}
				return so + s + g, nil
			}
		}
		switch v.Agg {
		case "count":
			n := func(d int64) func(*pipeline.Context, int64, string) (int64, error) {
				return func(_ *pipeline.Context, so int64, _ string) (int64, error) { return so + d, nil }
			}
			ps, top = processors.AggregateTable("p", rows("in"), codec.String(), group, counts, n(1), n(-1)), top.To(counts)
		default:
			bare := v.Agg == "reduce"
			ps, top = processors.AggregateTable("p", rows("in"), codec.String(), group, joined, sign("+", bare), sign("-", bare)), top.To(joined)
		}
		for _, p := range ps {
			skip(p)
		}
		return top.Add(ps...)
	})
}

func TestToTable(t *testing.T) {
	there := map[string]bool{}
	vs := because("a deletion of what is not there writes nothing",
		vectors(t, "tables", "to-table"), func(v *Vector, s *Step) {
			if s == &v.Steps[0] {
				clear(there)
			}
			if s.In.Key == nil {
				return
			}
			if s.In.Value == nil && !there[*s.In.Key] {
				s.Out = nil
			}
			there[*s.In.Key] = s.In.Value != nil
		})
	compare(t, vs, strict, single, func(Vector) *pipeline.Topology {
		return pipeline.New("vectors").From(in).Add(skip(processors.ToTable("p", in, joined))).To(joined)
	})
}

func TestSuppress(t *testing.T) {
	compare(t, vectors(t, "tables", "until-time-limit"), strict, single, func(v Vector) *pipeline.Topology {
		p := processors.Suppress("p", rows("in"), out, time.Duration(v.Limit)*time.Millisecond)
		return pipeline.New("vectors").From(rows("in")).Add(skip(p)).To(out)
	})
}

package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// BenchmarkOperators measures those that have little or no state, or that of a row
// for each key.
func BenchmarkOperators(b *testing.B) {
	seen := pipeline.NewTable("seen", codec.JSON[time.Time]())
	add := func(_ *pipeline.Context, v, n int64) (int64, error) { return v + n, nil }
	addMaybe := func(_ *pipeline.Context, v, n int64, _ bool) (int64, error) { return v + n, nil }
	even := func(_ *pipeline.Context, n int64) (bool, error) { return n%2 == 0, nil }
	itself := func(ctx *pipeline.Context, _ int64) (string, bool) { return ctx.Key(), true }
	for _, c := range []struct {
		name string
		p    *pipeline.Processor
		with []pipeline.Ref // beside numbers
		to   pipeline.Ref   // nil: a table of the processor's own
	}{
		{"Map", processors.Map("p", numbers, results, func(_ *pipeline.Context, n int64) (int64, error) { return n + 1, nil }), nil, results},
		{"Filter", processors.Filter("p", numbers, results, even), nil, results},
		{"FlatMap", processors.FlatMap("p", numbers, results, func(ctx *pipeline.Context, n int64, emit func(string, int64)) error {
			emit(ctx.Key(), n)
			emit(ctx.Key(), -n)
			return nil
		}), nil, results},
		{"Branch", processors.Branch("p", numbers, processors.Case[int64]{When: even, To: results}, processors.Case[int64]{To: results}), nil, results},
		{"Merge", processors.Merge("p", results, numbers, rights), []pipeline.Ref{rights}, results},
		{"ToStream", processors.ToStream("p", rightTable, results), []pipeline.Ref{rightTable}, results},
		{"Dedupe", processors.Dedupe("p", numbers, results, seen, 10*time.Second), nil, results},
		{"DedupeBy", processors.DedupeBy("p", numbers, results, seen, 10*time.Second, codec.Int64(),
			func(n int64) string { return fmt.Sprint(n % 10_000) }), nil, results},
		{"Count", processors.Count("p", numbers, sums), nil, nil},
		{"Reduce", processors.Reduce("p", numbers, sums, add), nil, nil},
		{"Aggregate", processors.Aggregate("p", numbers, sums, add), nil, nil},
		{"AggregateBy", processors.AggregateBy("p", numbers, aggregate.Max(func(n int64) int64 { return n }), sums), nil, nil},
		{"Join", processors.Join("p", numbers, rightTable, results, add), []pipeline.Ref{rightTable}, results},
		{"LeftJoin", processors.LeftJoin("p", numbers, rightTable, results, addMaybe), []pipeline.Ref{rightTable}, results},
		{"JoinGlobal", processors.JoinGlobal("p", numbers, rightTable, itself, results, add), []pipeline.Ref{rightTable}, results},
		{"LeftJoinGlobal", processors.LeftJoinGlobal("p", numbers, rightTable, itself, results, addMaybe), []pipeline.Ref{rightTable}, results},
		{"Repartition", processors.Repartition("p", numbers, results,
			func(_ *pipeline.Context, n int64) (string, error) { return fmt.Sprint(n), nil }), nil, results},
	} {
		b.Run(c.name, func(b *testing.B) {
			t := pipeline.New("t").From(c.with...).Add(c.p)
			if c.name != "ToStream" {
				t = t.From(numbers)
			}
			if c.to != nil {
				t = t.To(c.to)
			}
			benchmark(b, t, func(i int) pipeline.Record {
				key := fmt.Sprint("key-", i%10_000)
				switch {
				case c.name == "Merge" && i%2 == 0:
					return rights.Record(key, int64(i)).At(at(int64(i)))
				case c.name == "ToStream" || c.name != "Merge" && c.with != nil && i < 10_000:
					return rightTable.Row(key, int64(i)).At(at(int64(i)))
				}
				return numbers.Record(key, int64(i)).At(at(int64(i)))
			})
		})
	}
}

// BenchmarkExpire touches ten thousand keys.
func BenchmarkExpire(b *testing.B) {
	nothing := func(*pipeline.Context) error { return nil }
	for name, expire := range map[string]func(p *pipeline.Processor) processors.Expiry{
		"stream time": func(p *pipeline.Processor) processors.Expiry {
			return processors.Expire(p, "p", 20*time.Second, nothing)
		},
		"clock": func(p *pipeline.Processor) processors.Expiry {
			return processors.ExpireByClock(p, "p", time.Hour, nothing)
		},
	} {
		b.Run(name, func(b *testing.B) {
			p := pipeline.Process("p")
			e := expire(p)
			pipeline.Input(p, numbers, func(ctx *pipeline.Context, _ int64) error {
				e.Touch(ctx)
				return nil
			})
			benchmark(b, pipeline.New("t").From(numbers).Add(p), func(i int) pipeline.Record {
				return numbers.Record(fmt.Sprint("key-", i%10_000), int64(i)).At(at(int64(i)))
			})
		})
	}
}

// BenchmarkTimers sets a timer with each record, and fires one of those before.
func BenchmarkTimers(b *testing.B) {
	p := pipeline.Process("p")
	timers := pipeline.EventTimers(p, "timers", codec.Int64())
	timers.Handle(func(*pipeline.Context, int64) error { return nil })
	pipeline.Input(p, numbers, func(ctx *pipeline.Context, n int64) error {
		timers.Set(ctx, ctx.Key(), ctx.Timestamp().Add(10*time.Second), n)
		return nil
	})
	benchmark(b, pipeline.New("t").From(numbers).Add(p), func(i int) pipeline.Record {
		return numbers.Record(fmt.Sprint("key-", i%10_000), int64(i)).At(at(int64(i)))
	})
}

// BenchmarkVersions writes and reads versions of a thousand keys, ten of each in
// the history.
func BenchmarkVersions(b *testing.B) {
	p := pipeline.Process("p")
	versions := processors.NewVersions(p, "versions", codec.Int64(), 10*time.Second)
	pipeline.Input(p, numbers, func(ctx *pipeline.Context, n int64) error {
		versions.Put(ctx, ctx.Key(), n, ctx.Timestamp())
		versions.AsOf(ctx, ctx.Key(), ctx.Timestamp().Add(-5*time.Second))
		return nil
	})
	benchmark(b, pipeline.New("t").From(numbers).Add(p), func(i int) pipeline.Record {
		return numbers.Record(fmt.Sprint("key-", i%1_000), int64(i)).At(at(int64(i)))
	})
}

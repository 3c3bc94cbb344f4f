package processors_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// All records of both topics are there once, those of each topic in its order.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rs := records(rt)
		cut := rapid.IntRange(0, len(rs)).Draw(rt, "crash after")
		of, got, want := map[int64]int{}, [2][]rec{}, [2][]rec{}
		var in []pipeline.Record
		for i := range rs {
			which := rapid.IntRange(0, 1).Draw(rt, "topic")
			rs[i].n = int64(i)
			of[rs[i].n] = which
			want[which] = append(want[which], rec{key: rs[i].key, n: rs[i].n})
			topic := [2]pipeline.Topic[int64]{numbers, more}[which]
			in = append(in, topic.Record(rs[i].key, rs[i].n).At(at(rs[i].at)))
		}
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, pipeline.New("t").From(numbers, more).To(results).Add(processors.Merge("merge", results, numbers, more)))
			d.Pipe(in[:cut]...)
			d.Crash()
			d.Pipe(in[cut:]...)
			for _, r := range read(results)(d) {
				got[of[r.n]] = append(got[of[r.n]], r)
			}
		})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestRepartition(t *testing.T) {
	key := func(n int64) string { return fmt.Sprint("mod", n%3) }
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results).Add(processors.Repartition("by", numbers, results,
			func(_ *pipeline.Context, n int64) (string, error) { return key(n), nil }))
	}, numbers, read(results), func(rs []rec) (want []rec) {
		for _, r := range rs {
			want = append(want, rec{key: key(r.n), n: r.n})
		}
		return want
	})
}

// Each of the aggregations of numbers, and those of one's own.
func TestAggregateByModel(t *testing.T) {
	value := func(n int64) int64 { return n }
	join := func(_ *pipeline.Context, a, b int64) (int64, error) { return 3*a + b, nil }
	fold := aggregate.Fold(func() int64 { return 1 }, join, nil, codec.Int64())
	for name, tt := range map[string]struct {
		agg   aggregate.Func[int64, int64]
		model func(rs []rec) []rec
	}{
		"count":  {aggregate.Count[int64](), func(rs []rec) []rec { return folded(rs, 0, func(so, _ int64) int64 { return so + 1 }) }},
		"sum":    {aggregate.Sum(value), func(rs []rec) []rec { return folded(rs, 0, func(so, n int64) int64 { return so + n }) }},
		"min":    {aggregate.Min(value), func(rs []rec) []rec { return reduce(rs, func(a, b int64) int64 { return min(a, b) }) }},
		"max":    {aggregate.Max(value), func(rs []rec) []rec { return reduce(rs, func(a, b int64) int64 { return max(a, b) }) }},
		"reduce": {aggregate.Reduce(join, codec.Int64()), func(rs []rec) []rec { return reduce(rs, func(a, b int64) int64 { return 3*a + b }) }},
		"fold":   {fold, func(rs []rec) []rec { return folded(rs, 1, func(so, n int64) int64 { return 3*so + n }) }},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, func() *pipeline.Topology {
				return pipeline.New("t").From(numbers).Add(processors.AggregateBy("p", numbers, tt.agg, sums))
			}, numbers, rows(sums), tt.model)
		})
	}
}

// folded folds the numbers of each key, from an initial value on.
func folded(rs []rec, initial int64, f func(so, n int64) int64) []rec {
	return fold(rs, func(so int64, ok bool, n int64) int64 {
		if !ok {
			so = initial
		}
		return f(so, n)
	})
}

func TestAverageModel(t *testing.T) {
	means := pipeline.NewTable("means", aggregate.MeanCodec())
	type mean struct {
		key  string
		mean aggregate.Mean
	}
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).Add(processors.AggregateBy("p", numbers, aggregate.Average(func(n int64) float64 { return float64(n) }), means))
	}, numbers, func(d *pipelinetest.Driver) (got []mean) {
		rows := pipelinetest.Rows(d, means)
		for _, k := range slices.Sorted(maps.Keys(rows)) {
			got = append(got, mean{k, rows[k]})
		}
		return got
	}, func(rs []rec) (want []mean) {
		sums := folded(rs, 0, func(so, n int64) int64 { return so + n })
		counts := folded(rs, 0, func(so, _ int64) int64 { return so + 1 })
		for i, sum := range sums {
			want = append(want, mean{sum.key, aggregate.Mean{Sum: float64(sum.n), Count: counts[i].n}})
		}
		return want
	})
}

func TestEnrichByModel(t *testing.T) {
	for name, opts := range map[string][]processors.CallOption{"plain": nil, "cache": {processors.CallCache(time.Minute, 2)}} {
		t.Run(name, func(t *testing.T) {
			check(t, func() *pipeline.Topology {
				return pipeline.New("t").From(numbers).To(results).Add(processors.EnrichBy("enrich", numbers, results,
					func(_ string, n int64) string { return fmt.Sprint(n % 4) },
					func(_ context.Context, by string) (int64, error) { return int64(len(by)), nil },
					func(_ *pipeline.Context, n, length int64) (int64, error) { return 100*n + length, nil }, opts...))
			}, numbers, read(results), func(rs []rec) (want []rec) {
				for _, r := range rs {
					want = append(want, rec{key: r.key, n: 100*r.n + int64(len(fmt.Sprint(r.n%4)))})
				}
				return want
			})
		})
	}
}

// A record is joined with what the global table has at any key, when it comes.
func TestJoinGlobalModel(t *testing.T) {
	key := func(_ *pipeline.Context, n int64) (string, bool) { return fmt.Sprint(n % 3), n >= 0 }
	show := func(n int64, name string) (string, error) { return fmt.Sprint(n, name), nil }
	for name, left := range map[string]bool{"inner": false, "left": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				rs := records(rt)
				crash := rapid.IntRange(0, len(rs)-1).Draw(rt, "crash before")
				table := map[string]string{}
				var got, want []string
				t.Run("", func(t *testing.T) {
					p := processors.JoinGlobal("join", numbers, names, key, texts,
						func(_ *pipeline.Context, n int64, name string) (string, error) { return show(n, name) })
					if left {
						p = processors.LeftJoinGlobal("join", numbers, names, key, texts,
							func(_ *pipeline.Context, n int64, name string, ok bool) (string, error) {
								if !ok {
									name = "nobody"
								}
								return show(n, name)
							})
					}
					d := pipelinetest.New(t, pipeline.New("t").From(numbers, names).To(texts).Add(p))
					for i, r := range rs {
						if i == crash {
							d.Crash()
						}
						k, joins := key(nil, r.n)
						switch {
						case i%3 == 0 && r.n < 0:
							k = fmt.Sprint(-r.n % 3)
							delete(table, k)
							d.Send(names.Deleted(k))
						case i%3 == 0:
							table[k] = fmt.Sprint(" name", r.n)
							d.Send(names.Row(k, table[k]))
						default:
							d.Send(numbers.Record(r.key, r.n))
							name, ok := table[k]
							if ok = ok && joins; !ok {
								name = "nobody"
							}
							if ok || left {
								s, _ := show(r.n, name)
								want = append(want, s)
							}
						}
					}
					for _, m := range pipelinetest.Read(d, texts) {
						got = append(got, m.Value)
					}
				})
				if !slices.Equal(got, want) {
					rt.Fatalf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// Each change of a table that somebody writes is a record of the stream, with its time.
func TestToStreamModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cs := changes(rt)
		cut := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
		var in []pipeline.Record
		var got, want []string
		for i, c := range cs {
			r, s := names.Row(c.key, fmt.Sprint(i)), fmt.Sprint(i)
			if c.deleted {
				r, s = names.Deleted(c.key), "deleted"
			}
			in = append(in, r.At(at(c.at)))
			want = append(want, fmt.Sprint(c.key, " ", s, " ", at(c.at)))
		}
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, pipeline.New("t").From(names).Add(processors.ToStream("changes", names, texts)).To(texts))
			d.Send(in[:cut]...)
			d.Crash()
			d.Send(in[cut:]...)
			for _, m := range pipelinetest.Read(d, texts) {
				if m.Deleted {
					m.Value = "deleted"
				}
				got = append(got, fmt.Sprint(m.Key, " ", m.Value, " ", m.Time))
			}
		})
		if !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}

// An entry is deleted when the clock is the TTL past its last update.
func TestTTLByClockModel(t *testing.T) {
	const ttl = 10 // seconds
	rapid.Check(t, func(rt *rapid.T) {
		cs := changes(rt)
		crash := rapid.IntRange(0, len(cs)-1).Draw(rt, "crash before")
		waits := rapid.SliceOfN(rapid.Int64Range(0, ttl+1), len(cs), len(cs)).Draw(rt, "waits")
		var problem string
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, toTable(processors.TTLByClock(ttl*time.Second)))
			want, touched, now := map[string]string{}, map[string]int64{}, int64(0)
			for i, c := range cs {
				if i == crash {
					d.Crash()
				}
				d.Advance(time.Duration(waits[i]) * time.Second)
				now += waits[i]
				for k, at := range touched {
					if now >= at+ttl {
						delete(want, k)
					}
				}
				if c.deleted {
					delete(want, c.key)
					d.Send(lefts.Tombstone(c.key))
				} else {
					want[c.key], touched[c.key] = fmt.Sprint(i), now
					d.Send(lefts.Record(c.key, fmt.Sprint(i)))
				}
				if got := pipelinetest.Rows(d, names); !maps.Equal(got, want) && problem == "" {
					problem = fmt.Sprintf("change %d, after %d s: got %v, want %v", i, now, got, want)
				}
			}
		})
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

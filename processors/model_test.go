package processors_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// Every operator is compared with a model that a reader sees to be right, over
// random records, with a crash in the middle.

var (
	numbers = pipeline.NewTopic("numbers", codec.Int64())
	more    = pipeline.NewTopic("numbers.more", codec.Int64())
	results = pipeline.NewTopic("results", codec.Int64())
	others  = pipeline.NewTopic("results.others", codec.Int64())
	texts   = pipeline.NewTopic("texts", codec.String())
	sums    = pipeline.NewTable("sums", codec.Int64())
	names   = pipeline.NewTable("names", codec.String())
	times   = pipeline.NewTable("times", codec.JSON[time.Time]())
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type rec struct {
	key string
	n   int64
	at  int64 // seconds after start
}

func records(t *rapid.T) []rec {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rec {
		return rec{rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "key"), rapid.Int64Range(-20, 20).Draw(t, "n"),
			rapid.Int64Range(0, 100).Draw(t, "at")}
	}), 1, 30).Draw(t, "records")
}

func of(topic pipeline.Topic[int64], rs []rec) (out []pipeline.Record) {
	for _, r := range rs {
		out = append(out, topic.Record(r.key, r.n).At(start.Add(time.Duration(r.at)*time.Second)))
	}
	return out
}

// check runs a topology over random records, in two parts with a crash
// between them, and compares what came out with the model. Outputs that a
// crash may repeat would show here: at rest, nothing is repeated.
func check[T comparable](t *testing.T, build func() *pipeline.Topology, in pipeline.Topic[int64],
	outcome func(d *pipelinetest.Driver) []T, model func(rs []rec) []T) {
	rapid.Check(t, func(rt *rapid.T) {
		rs := records(rt)
		cut := rapid.IntRange(0, len(rs)).Draw(rt, "crash after")
		var got []T
		t.Run("", func(t *testing.T) {
			d := pipelinetest.New(t, build())
			d.Pipe(of(in, rs[:cut])...)
			d.Crash()
			d.Pipe(of(in, rs[cut:])...)
			got = outcome(d)
		})
		if want := model(rs); !slices.Equal(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

func read(topic pipeline.Topic[int64]) func(d *pipelinetest.Driver) []rec {
	return func(d *pipelinetest.Driver) (out []rec) {
		for _, m := range pipelinetest.Read(d, topic) {
			out = append(out, rec{key: m.Key, n: m.Value})
		}
		return out
	}
}

func rows(table pipeline.Table[int64]) func(d *pipelinetest.Driver) []rec {
	return func(d *pipelinetest.Driver) (out []rec) {
		got := pipelinetest.Rows(d, table)
		for _, k := range slices.Sorted(maps.Keys(got)) {
			out = append(out, rec{key: k, n: got[k]})
		}
		return out
	}
}

func fold(rs []rec, f func(so int64, ok bool, n int64) int64) (out []rec) {
	m := map[string]int64{}
	for _, r := range rs {
		so, ok := m[r.key]
		m[r.key] = f(so, ok, r.n)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, rec{key: k, n: m[k]})
	}
	return out
}

// reduce folds the numbers of each key, of which the first stands for itself.
func reduce(rs []rec, f func(a, b int64) int64) []rec {
	return fold(rs, func(so int64, ok bool, n int64) int64 {
		if !ok {
			return n
		}
		return f(so, n)
	})
}

func TestMap(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results).Add(processors.Map("double", numbers, results,
			func(_ *pipeline.Context, n int64) (int64, error) { return 2 * n, nil }))
	}, numbers, read(results), func(rs []rec) (want []rec) {
		for _, r := range rs {
			want = append(want, rec{key: r.key, n: 2 * r.n})
		}
		return want
	})
}

func TestFilter(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results).Add(processors.Filter("even", numbers, results,
			func(_ *pipeline.Context, n int64) (bool, error) { return n%2 == 0, nil }))
	}, numbers, read(results), func(rs []rec) (want []rec) {
		for _, r := range rs {
			if r.n%2 == 0 {
				want = append(want, rec{key: r.key, n: r.n})
			}
		}
		return want
	})
}

func TestFlatMap(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results).Add(processors.FlatMap("repeat", numbers, results,
			func(ctx *pipeline.Context, n int64, emit func(string, int64)) error {
				for i := range n {
					emit(ctx.Key()+strconv.FormatInt(i, 10), n)
				}
				return nil
			}))
	}, numbers, read(results), func(rs []rec) (want []rec) {
		for _, r := range rs {
			for i := range r.n {
				want = append(want, rec{key: r.key + strconv.FormatInt(i, 10), n: r.n})
			}
		}
		return want
	})
}

func TestBranch(t *testing.T) {
	positive := func(_ *pipeline.Context, n int64) (bool, error) { return n > 0, nil }
	small := func(_ *pipeline.Context, n int64) (bool, error) { return n > -10, nil }
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).To(results, others).Add(processors.Branch("sign", numbers,
			processors.Case[int64]{When: positive, To: results}, processors.Case[int64]{When: small, To: others}))
	}, numbers, func(d *pipelinetest.Driver) []rec { return append(read(results)(d), read(others)(d)...) },
		func(rs []rec) (want []rec) {
			var rest []rec
			for _, r := range rs {
				switch r.at = 0; {
				case r.n > 0:
					want = append(want, r)
				case r.n > -10:
					rest = append(rest, r)
				}
			}
			return append(want, rest...)
		})
}

func TestMergeKeepsWhatCameFirst(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers, more).To(results).Add(processors.Merge("merge", results, numbers, more)))
	d.Send(numbers.Record("a", 1), more.Record("a", 2), numbers.Record("b", 3))
	d.Expect(results.Record("a", 1), results.Record("a", 2), results.Record("b", 3))
}

func TestAggregate(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).Add(processors.Aggregate("sum", numbers, sums,
			func(_ *pipeline.Context, so, n int64) (int64, error) { return so + n, nil }))
	}, numbers, rows(sums), func(rs []rec) []rec {
		return fold(rs, func(so int64, _ bool, n int64) int64 { return so + n })
	})
}

func TestCount(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).Add(processors.Count("count", numbers, sums))
	}, numbers, rows(sums), func(rs []rec) []rec {
		return fold(rs, func(so int64, _ bool, _ int64) int64 { return so + 1 })
	})
}

func TestReduce(t *testing.T) {
	check(t, func() *pipeline.Topology {
		return pipeline.New("t").From(numbers).Add(processors.Reduce("max", numbers, sums,
			func(_ *pipeline.Context, a, b int64) (int64, error) { return max(a, b), nil }))
	}, numbers, rows(sums), func(rs []rec) []rec {
		return reduce(rs, func(a, b int64) int64 { return max(a, b) })
	})
}

func TestJoins(t *testing.T) {
	withName := func(_ *pipeline.Context, n int64, name string) (string, error) { return fmt.Sprint(name, n), nil }
	orNobody := func(_ *pipeline.Context, n int64, name string, ok bool) (string, error) {
		if !ok {
			name = "nobody"
		}
		return fmt.Sprint(name, n), nil
	}
	for name, left := range map[string]bool{"inner": false, "left": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				rs := records(rt)
				crash := rapid.IntRange(0, len(rs)-1).Draw(rt, "crash before")
				table := map[string]string{}
				var got, want []string
				t.Run("", func(t *testing.T) {
					p := processors.Join("join", numbers, names, texts, withName)
					if left {
						p = processors.LeftJoin("join", numbers, names, texts, orNobody)
					}
					d := pipelinetest.New(t, pipeline.New("t").From(numbers, names).To(texts).Add(p))
					for i, r := range rs {
						if i == crash {
							d.Crash()
						}
						switch {
						case i%3 == 0 && r.n < 0:
							delete(table, r.key)
							d.Send(names.Deleted(r.key))
						case i%3 == 0:
							table[r.key] = fmt.Sprint("name", r.n)
							d.Send(names.Row(r.key, table[r.key]))
						default:
							d.Send(numbers.Record(r.key, r.n))
							if n, ok := table[r.key]; ok {
								want = append(want, fmt.Sprint(n, r.n))
							} else if left {
								want = append(want, fmt.Sprint("nobody", r.n))
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

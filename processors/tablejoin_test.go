package processors_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

var (
	leftTable  = pipeline.NewTable("left.table", codec.String())
	rightTable = pipeline.NewTable("right.table", codec.Int64())
	results2   = pipeline.NewTable("result.table", codec.String())
)

// asTopic reads the changes of a table in tests.
func asTopic[V any](t pipeline.Table[V]) pipeline.Topic[V] {
	return pipeline.NewTopic(t.Name(), t.Codec())
}

func pair(l *string, r *int64) string {
	a, b := "-", "-"
	if l != nil {
		a = *l
	}
	if r != nil {
		b = fmt.Sprint(*r)
	}
	return a + "+" + b
}

func joinTables(kind string) *pipeline.Topology {
	var p *pipeline.Processor
	switch kind {
	case "inner":
		p = processors.JoinTables("join", leftTable, rightTable, results2,
			func(_ *pipeline.Context, l string, r int64) (string, error) { return pair(&l, &r), nil })
	case "left":
		p = processors.LeftJoinTables("join", leftTable, rightTable, results2,
			func(_ *pipeline.Context, l string, r int64, ok bool) (string, error) {
				if !ok {
					return pair(&l, nil), nil
				}
				return pair(&l, &r), nil
			})
	default:
		p = processors.OuterJoinTables("join", leftTable, rightTable, results2,
			func(_ *pipeline.Context, l *string, r *int64) (string, error) { return pair(l, r), nil })
	}
	return pipeline.New("t").From(leftTable, rightTable).Add(p).To(results2)
}

// change is a change of one of two tables.
type change struct {
	right   bool
	key     string
	at      int64
	deleted bool
	n       int
}

func (c change) record() pipeline.Record {
	switch {
	case c.right && c.deleted:
		return rightTable.Deleted(c.key).At(at(c.at))
	case c.right:
		return rightTable.Row(c.key, int64(c.n)).At(at(c.at))
	case c.deleted:
		return leftTable.Deleted(c.key).At(at(c.at))
	}
	return leftTable.Row(c.key, fmt.Sprint(c.n)).At(at(c.at))
}

func changes(t *rapid.T) []change {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{right: rapid.Bool().Draw(t, "right"), key: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"),
			at: rapid.Int64Range(0, 60).Draw(t, "at"), deleted: rapid.IntRange(0, 2).Draw(t, "deleted") == 0}
	}), 1, 25).Draw(t, "changes")
}

// tableJoinModel is two tables and their join, from the definition of an SQL join.
type tableJoinModel struct {
	kind        string
	left, right map[string]change
}

func (m *tableJoinModel) change(c change) (want []string) {
	mine, other := m.left, m.right
	if c.right {
		mine, other = other, mine
	}
	_, had := mine[c.key]
	delete(mine, c.key)
	if !c.deleted {
		mine[c.key] = c
	}
	o, ok := other[c.key]
	when := c.at
	if ok {
		when = max(when, o.at)
	}
	l, lok := m.left[c.key]
	r, rok := m.right[c.key]
	var a *string
	var b *int64
	if lok {
		s := fmt.Sprint(l.n)
		a = &s
	}
	if rok {
		n := int64(r.n)
		b = &n
	}
	there := lok && rok || lok && m.kind == "left" || (lok || rok) && m.kind == "outer"
	silent := !ok && (m.kind == "inner" || m.kind == "left" && c.right || c.deleted && !had)
	switch {
	case there:
		return []string{fmt.Sprintf("%s %s@%d", c.key, pair(a, b), when)}
	case silent:
		return nil
	}
	return []string{fmt.Sprintf("%s deleted@%d", c.key, when)}
}

func readChanges(d *pipelinetest.Driver) (out []string) {
	for _, m := range pipelinetest.Read(d, asTopic(results2)) {
		if m.Deleted {
			m.Value = "deleted"
		}
		out = append(out, fmt.Sprintf("%s %s@%d", m.Key, m.Value, m.Time.Sub(start).Milliseconds()))
	}
	return out
}

func TestJoinTablesProperty(t *testing.T) {
	for _, kind := range []string{"inner", "left", "outer"} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				cs := changes(rt)
				crash := rapid.IntRange(0, len(cs)).Draw(rt, "crash after")
				restart := rapid.IntRange(0, len(cs)).Draw(rt, "restart after")
				m := &tableJoinModel{kind, map[string]change{}, map[string]change{}}
				var errs []string
				t.Run("", func(t *testing.T) {
					d := pipelinetest.New(t, joinTables(kind))
					for i, c := range cs {
						if c.n = i; i == crash {
							d.Crash()
						}
						if i == restart {
							d.Restart()
						}
						d.Send(c.record())
						if got, want := readChanges(d), m.change(c); !slices.Equal(got, want) {
							errs = append(errs, fmt.Sprintf("change %d, %+v: got %q, want %q", i, c, got, want))
						}
					}
				})
				if errs != nil {
					rt.Fatal(strings.Join(errs, "\n"))
				}
			})
		})
	}
}

func TestJoinTablesEdges(t *testing.T) {
	l := func(ms int64, v string) pipeline.Record { return leftTable.Row("k", v).At(at(ms)) }
	r := func(ms int64, v int64) pipeline.Record { return rightTable.Row("k", v).At(at(ms)) }
	lgone := func(ms int64) pipeline.Record { return leftTable.Deleted("k").At(at(ms)) }
	rgone := func(ms int64) pipeline.Record { return rightTable.Deleted("k").At(at(ms)) }
	for _, c := range []struct {
		name, kind string
		in         []pipeline.Record
		want       string
	}{
		{"nothing without the other", "inner", []pipeline.Record{l(1, "l"), lgone(2)}, ""},
		{"a deletion deletes the result", "inner", []pipeline.Record{l(1, "l"), r(2, 1), lgone(3)}, "k l+1@2 k deleted@3"},
		{"a second deletion as well", "inner", []pipeline.Record{r(2, 1), lgone(1)}, "k deleted@2"},
		{"the greater time counts", "inner", []pipeline.Record{l(9, "l"), r(2, 1)}, "k l+1@9"},
		{"a deletion on the right leaves the left one", "left", []pipeline.Record{l(1, "l"), r(2, 1), rgone(3)}, "k l+-@1 k l+1@2 k l+-@3"},
		{"the right one alone is nothing", "left", []pipeline.Record{r(1, 1), rgone(2)}, ""},
		{"a deletion of nothing is nothing", "left", []pipeline.Record{lgone(1)}, ""},
		{"either is enough", "outer", []pipeline.Record{r(1, 1), l(2, "l"), rgone(3), lgone(4), lgone(5)},
			"k -+1@1 k l+1@2 k l+-@3 k deleted@4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := pipelinetest.New(t, joinTables(c.kind))
			d.Send(c.in...)
			if got := strings.Join(readChanges(d), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestJoinTablesWithoutKey(t *testing.T) {
	d := pipelinetest.New(t, joinTables("outer"))
	if err := d.TrySend(leftTable.Row("", "l").Unkeyed()); !errors.Is(err, pipeline.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// The price of each article where there is one, and how many there are.
func ExampleJoinTables() {
	prices := pipeline.NewTable("prices", codec.Int64())
	stock := pipeline.NewTable("stock", codec.Int64())
	offers := pipeline.NewTable("offers", codec.String())

	p := processors.JoinTables("offer", prices, stock, offers,
		func(_ *pipeline.Context, cents, n int64) (string, error) {
			return fmt.Sprintf("%d at %d", n, cents), nil
		})
	pipelinetest.Example(pipeline.New("app").From(prices, stock).Add(p).To(offers), func(d *pipelinetest.Driver) {
		d.Send(prices.Row("tea", 450), stock.Row("tea", 12), stock.Row("cake", 3), prices.Row("tea", 500))
		fmt.Println(pipelinetest.Rows(d, offers))
		d.Send(stock.Deleted("tea"))
		fmt.Println(pipelinetest.Rows(d, offers))
	})
	// Output:
	// map[tea:12 at 500]
	// map[]
}

func BenchmarkJoinTables(b *testing.B) {
	for _, kind := range []string{"inner", "left", "outer"} {
		b.Run(kind, func(b *testing.B) {
			benchmark(b, joinTables(kind), func(i int) pipeline.Record {
				key := fmt.Sprint("key-", i/2%10_000)
				if i%2 == 0 {
					return leftTable.Row(key, "some value of a left row").At(at(int64(i)))
				}
				return rightTable.Row(key, int64(i)).At(at(int64(i)))
			})
		})
	}
}

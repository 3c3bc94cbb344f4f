package processors_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// The left table has values such as "x|7", whose foreign key is x; "-|7" has
// none.
var (
	foreignLeft  = pipeline.NewTable("foreign.left", codec.String(), pipeline.Partitions(2))
	foreignRight = pipeline.NewTable("foreign.right", codec.String(), pipeline.Partitions(1))
)

func foreignOf(_ string, v string) (string, bool) {
	fk, _, _ := strings.Cut(v, "|")
	return fk, fk != "-"
}

func joinForeign(left bool) *pipeline.Topology {
	ps := processors.JoinForeign("fk", foreignLeft, foreignRight, foreignOf, results2,
		func(_ *pipeline.Context, l, r string) (string, error) { return l + "+" + r, nil })
	if left {
		ps = processors.LeftJoinForeign("fk", foreignLeft, foreignRight, foreignOf, results2,
			func(_ *pipeline.Context, l, r string, ok bool) (string, error) {
				if !ok {
					r = "-"
				}
				return l + "+" + r, nil
			})
	}
	return pipeline.New("t").From(foreignLeft, foreignRight).Add(ps...).To(results2)
}

// Whatever the order in which changes come, the result is the join of what the
// tables hold, at each rest.
func TestJoinForeignProperty(t *testing.T) {
	type step struct {
		right   bool
		key     string
		foreign string
		deleted bool
	}
	for name, left := range map[string]bool{"inner": false, "left": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
					return step{rapid.Bool().Draw(t, "right"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key"),
						rapid.SampledFrom([]string{"x", "xy", "-"}).Draw(t, "foreign"), rapid.IntRange(0, 3).Draw(t, "deleted") == 0}
				}), 1, 30).Draw(rt, "steps")
				crash := rapid.IntRange(0, len(steps)).Draw(rt, "crash after")
				chunk := rapid.IntRange(1, 7).Draw(rt, "chunk")
				ls, rs := map[string]string{}, map[string]string{}
				var errs []string
				t.Run("", func(t *testing.T) {
					d := pipelinetest.New(t, joinForeign(left))
					for i := 0; i < len(steps); {
						var in []pipeline.Record
						if i >= crash {
							crash = len(steps)
							d.Crash()
						}
						for n := 0; n < chunk && i < len(steps); n, i = n+1, i+1 {
							s := steps[i]
							v := fmt.Sprintf("%s|%d", s.foreign, i)
							switch {
							case s.right && s.deleted:
								delete(rs, s.foreign)
								in = append(in, foreignRight.Deleted(s.foreign))
							case s.right:
								rs[s.foreign] = fmt.Sprint(i)
								in = append(in, foreignRight.Row(s.foreign, fmt.Sprint(i)))
							case s.deleted:
								delete(ls, s.key)
								in = append(in, foreignLeft.Deleted(s.key))
							default:
								ls[s.key] = v
								in = append(in, foreignLeft.Row(s.key, v))
							}
						}
						d.Pipe(in...)
						want := map[string]string{}
						for k, l := range ls {
							fk, any := foreignOf(k, l)
							r, ok := rs[fk]
							switch {
							case any && ok:
								want[k] = l + "+" + r
							case left:
								want[k] = l + "+-"
							}
						}
						if got := pipelinetest.Rows(d, results2); !maps.Equal(got, want) {
							errs = append(errs, fmt.Sprintf("after %d steps: got %v, want %v", i, got, want))
						}
					}
					// What is not subscribed any more is forgotten.
					subscribed := 0
					for k, l := range ls {
						if _, ok := foreignOf(k, l); ok {
							subscribed++
						}
					}
					if got := len(pipelinetest.Rows(d, pipeline.NewTable("t-fk-subscribers", codec.Bytes()))); got != subscribed {
						errs = append(errs, fmt.Sprintf("%d subscribers, want %d", got, subscribed))
					}
				})
				if errs != nil {
					rt.Fatal(strings.Join(errs, "\n"))
				}
			})
		})
	}
}

func TestJoinForeignEdges(t *testing.T) {
	l := func(v string) pipeline.Record { return foreignLeft.Row("k", v) }
	r := func(v string) pipeline.Record { return foreignRight.Row("x", v) }
	for _, c := range []struct {
		name string
		left bool
		in   []pipeline.Record
		want string
	}{
		{"an insert without a partner is silent", false, []pipeline.Record{l("x|1")}, ""},
		{"an update that leaves the foreign key alone, too", false, []pipeline.Record{l("x|1"), l("x|2")}, ""},
		{"another foreign key deletes the result", false, []pipeline.Record{r("r"), l("x|1"), l("y|2")}, "k x|1+r k deleted"},
		{"so does none", false, []pipeline.Record{r("r"), l("x|1"), l("-|2")}, "k x|1+r k deleted"},
		{"and a deletion", false, []pipeline.Record{r("r"), l("x|1"), foreignLeft.Deleted("k")}, "k x|1+r k deleted"},
		{"a second deletion is silent", true, []pipeline.Record{foreignLeft.Deleted("k")}, ""},
		{"a deletion on the right", false, []pipeline.Record{r("r"), l("x|1"), foreignRight.Deleted("x")}, "k x|1+r k deleted"},
		{"the left one stays without the right", true, []pipeline.Record{r("r"), l("x|1"), foreignRight.Deleted("x"), l("-|2"), foreignLeft.Deleted("k")},
			"k x|1+r k x|1+- k -|2+- k deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := pipelinetest.New(t, joinForeign(c.left))
			d.Send(c.in...)
			var got []string
			for _, m := range pipelinetest.Read(d, asTopic(results2)) {
				if m.Deleted {
					m.Value = "deleted"
				}
				got = append(got, m.Key+" "+m.Value)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

// Orders name their customer, whose city may change.
func ExampleJoinForeign() {
	type order struct{ Customer, What string }
	orders := pipeline.NewTable("orders.table", codec.JSON[order]())
	cities := pipeline.NewTable("cities", codec.String())
	parcels := pipeline.NewTable("parcels", codec.String())

	ps := processors.JoinForeign("address", orders, cities,
		func(_ string, o order) (string, bool) { return o.Customer, o.Customer != "" }, parcels,
		func(_ *pipeline.Context, o order, city string) (string, error) { return o.What + " to " + city, nil })
	pipelinetest.Example(pipeline.New("app").From(orders, cities).Add(ps...).To(parcels), func(d *pipelinetest.Driver) {
		d.Send(cities.Row("ada", "London"), orders.Row("1", order{"ada", "tea"}), orders.Row("2", order{"ada", "cake"}))
		fmt.Println(pipelinetest.Rows(d, parcels))
		d.Send(cities.Row("ada", "Turin"))
		fmt.Println(pipelinetest.Rows(d, parcels))
	})
	// Output:
	// map[1:tea to London 2:cake to London]
	// map[1:tea to Turin 2:cake to Turin]
}

func BenchmarkJoinForeign(b *testing.B) {
	for _, left := range []bool{false, true} {
		b.Run(map[bool]string{false: "inner", true: "left"}[left], func(b *testing.B) {
			benchmark(b, joinForeign(left), func(i int) pipeline.Record {
				if i%10 == 0 {
					return foreignRight.Row(fmt.Sprint("key-", i%10_000), "some value of a right row")
				}
				return foreignLeft.Row(fmt.Sprint(i), fmt.Sprintf("key-%d|%d", i%10_000, i))
			})
		})
	}
}

func TestJoinGlobal(t *testing.T) {
	key := func(_ *pipeline.Context, n int64) (string, bool) { return fmt.Sprint("n", n), n != 0 }
	for name, want := range map[string][]string{"inner": {" a=one"}, "left": {" a=one", " b=nobody", " =nobody"}} {
		t.Run(name, func(t *testing.T) {
			p := processors.JoinGlobal("join", numbers, names, key, texts,
				func(ctx *pipeline.Context, _ int64, name string) (string, error) { return ctx.Key() + "=" + name, nil })
			if name == "left" {
				p = processors.LeftJoinGlobal("join", numbers, names, key, texts,
					func(ctx *pipeline.Context, _ int64, name string, ok bool) (string, error) {
						if !ok {
							name = "nobody"
						}
						return ctx.Key() + "=" + name, nil
					})
			}
			d := pipelinetest.New(t, pipeline.New("t").From(numbers, names).To(texts).Add(p))
			d.Send(names.Row("n1", "one"), numbers.Record("a", 1), numbers.Record("b", 2), numbers.Record("c", 0).Unkeyed())
			var got []string
			for _, m := range pipelinetest.Read(d, texts) {
				got = append(got, " "+m.Value)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Payments know their order's number, orders are by customer.
func ExampleRepartition() {
	byCustomer := pipeline.NewTopic("orders.by-customer", codec.String())
	byNumber := pipeline.NewTopic("orders.by-number", codec.String(), pipeline.Partitions(8))
	p := processors.Repartition("by-number", byCustomer, byNumber,
		func(_ *pipeline.Context, order string) (string, error) {
			number, _, _ := strings.Cut(order, " ")
			return number, nil
		})
	pipelinetest.Example(pipeline.New("app").From(byCustomer).Add(p).To(byNumber), func(d *pipelinetest.Driver) {
		d.Send(byCustomer.Record("ada", "17 tea"))
		show(d, byNumber)
	})
	// Output: 17 17 tea
}

func ExampleJoinGlobal() {
	visits := pipeline.NewTopic("visits", codec.String()) // of pages, by visitor
	titles := pipeline.NewTable("titles", codec.String()) // of pages
	read := pipeline.NewTopic("read", codec.String())
	p := processors.JoinGlobal("titles", visits, titles,
		func(_ *pipeline.Context, page string) (string, bool) { return page, page != "" }, read,
		func(_ *pipeline.Context, page, title string) (string, error) { return title, nil })
	pipelinetest.Example(pipeline.New("app").From(visits, titles).Add(p).To(read), func(d *pipelinetest.Driver) {
		d.Send(titles.Row("/1", "Of Tea"), visits.Record("ada", "/1"), visits.Record("ada", "/2"))
		show(d, read)
	})
	// Output: ada Of Tea
}

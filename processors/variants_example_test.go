package processors_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// noon is when the examples begin.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Each order gets what a service says about it, in the order of the orders.
func ExampleEnrich() {
	orders := pipeline.NewTopic("orders", codec.String())
	priced := pipeline.NewTopic("orders.priced", codec.String())
	price := func(_ context.Context, number, what string) (string, error) { // by HTTP, with the context
		cents := map[string]int{"tea": 450, "cake": 300}[what]
		return fmt.Sprintf("%s for %d", what, cents), nil
	}
	p := processors.Enrich("price", orders, priced, price, processors.CallsAtOnce(20, 0), processors.CallTimeout(2*time.Second))
	pipelinetest.Example(pipeline.New("app").From(orders).Add(p).To(priced), func(d *pipelinetest.Driver) {
		d.Pipe(orders.Record("1", "tea"), orders.Record("2", "cake"))
		show(d, priced)
	})
	// Output:
	// 1 tea for 450
	// 2 cake for 300
}

// A slow answer holds up the orders of its own customer, and no others.
func ExampleCallOrder() {
	orders := pipeline.NewTopic("orders", codec.String())
	checked := pipeline.NewTopic("orders.checked", codec.String())
	bobs := make(chan struct{}) // closed when bob's order is passed on
	check := func(ctx context.Context, what string) (string, error) {
		if what == "piano" {
			select { // takes longer than bob's
			case <-bobs:
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		return "in stock", nil
	}
	p := processors.EnrichBy("check", orders, checked, func(_, what string) string { return what }, check,
		func(ctx *pipeline.Context, what, answer string) (string, error) {
			if ctx.Key() == "bob" {
				close(bobs)
			}
			return what + " " + answer, nil
		}, processors.CallOrder(pipeline.KeyOrder))
	pipelinetest.Example(pipeline.New("app").From(orders).Add(p).To(checked), func(d *pipelinetest.Driver) {
		d.Pipe(orders.Record("ada", "piano"), orders.Record("ada", "stool"), orders.Record("bob", "tea"))
		show(d, checked)
	})
	// Output:
	// bob tea in stock
	// ada piano in stock
	// ada stool in stock
}

// An advertisement and the clicks on it within a minute.
func ExampleJoinStreams() {
	shown := pipeline.NewTopic("ads.shown", codec.String())
	clicked := pipeline.NewTopic("ads.clicked", codec.String())
	worked := pipeline.NewTopic("ads.worked", codec.String())
	p := processors.JoinStreams("work", shown, clicked, processors.Within(0).After(time.Minute), worked,
		func(_ *pipeline.Context, ad, who string) (string, error) { return ad + " for " + who, nil })
	pipelinetest.Example(pipeline.New("app").From(shown, clicked).Add(p).To(worked), func(d *pipelinetest.Driver) {
		d.Send(shown.Record("7", "tea").At(noon),
			clicked.Record("7", "ada").At(noon.Add(time.Minute)), // just in time
			clicked.Record("7", "bob").At(noon.Add(61*time.Second)))
		show(d, worked)
	})
	// Output: 7 tea for ada
}

// What two counters say of the same gate, and what only one of them saw.
func ExampleOuterJoinStreams() {
	a, b := pipeline.NewTopic("counter.a", codec.Int64()), pipeline.NewTopic("counter.b", codec.Int64())
	both := pipeline.NewTopic("counters", codec.String())
	show := func(n *int64) string {
		if n == nil {
			return "nothing"
		}
		return fmt.Sprint(*n)
	}
	p := processors.OuterJoinStreams("compare", a, b, processors.Within(time.Second).Grace(time.Second), both,
		func(_ *pipeline.Context, a, b *int64) (string, error) { return show(a) + " and " + show(b), nil })
	pipelinetest.Example(pipeline.New("app").From(a, b).Add(p).To(both), func(d *pipelinetest.Driver) {
		d.Send(a.Record("gate", 3).At(noon), b.Record("gate", 4).At(noon.Add(time.Second)),
			b.Record("gate", 5).At(noon.Add(time.Minute)),
			a.Record("other", 0).At(noon.Add(time.Hour))) // closes the windows before
		for _, m := range pipelinetest.Read(d, both) {
			fmt.Println(m.Time.Format("15:04:05"), m.Value)
		}
	})
	// Output:
	// 12:00:01 3 and 4
	// 12:01:00 nothing and 5
}

// Every article with its stock, 0 where nothing is known.
func ExampleLeftJoinTables() {
	prices, stock := pipeline.NewTable("prices", codec.Int64()), pipeline.NewTable("stock", codec.Int64())
	offers := pipeline.NewTable("offers", codec.String())
	p := processors.LeftJoinTables("offer", prices, stock, offers,
		func(_ *pipeline.Context, cents, n int64, _ bool) (string, error) {
			return fmt.Sprintf("%d at %d", n, cents), nil
		})
	pipelinetest.Example(pipeline.New("app").From(prices, stock).Add(p).To(offers), func(d *pipelinetest.Driver) {
		d.Send(prices.Row("tea", 450), stock.Row("cake", 3))
		fmt.Println(pipelinetest.Rows(d, offers))
		d.Send(stock.Row("tea", 12))
		fmt.Println(pipelinetest.Rows(d, offers))
	})
	// Output:
	// map[tea:0 at 450]
	// map[tea:12 at 450]
}

// What is missing on either side is seen.
func ExampleOuterJoinTables() {
	prices, stock := pipeline.NewTable("prices", codec.Int64()), pipeline.NewTable("stock", codec.Int64())
	checks := pipeline.NewTable("checks", codec.String())
	p := processors.OuterJoinTables("check", prices, stock, checks,
		func(_ *pipeline.Context, cents, n *int64) (string, error) {
			switch {
			case cents == nil:
				return "no price", nil
			case n == nil:
				return "never had any", nil
			}
			return "fine", nil
		})
	pipelinetest.Example(pipeline.New("app").From(prices, stock).Add(p).To(checks), func(d *pipelinetest.Driver) {
		d.Send(prices.Row("tea", 450), stock.Row("cake", 3), stock.Row("jam", 1), prices.Row("jam", 200))
		fmt.Println(pipelinetest.Rows(d, checks))
	})
	// Output: map[cake:no price jam:fine tea:never had any]
}

// Orders of customers whose city is not known are kept.
func ExampleLeftJoinForeign() {
	type order struct{ Customer, What string }
	orders := pipeline.NewTable("orders.table", codec.JSON[order]())
	cities := pipeline.NewTable("cities", codec.String())
	parcels := pipeline.NewTable("parcels", codec.String())
	ps := processors.LeftJoinForeign("address", orders, cities,
		func(_ string, o order) (string, bool) { return o.Customer, o.Customer != "" }, parcels,
		func(_ *pipeline.Context, o order, city string, ok bool) (string, error) {
			if !ok {
				city = "the desk"
			}
			return o.What + " to " + city, nil
		})
	pipelinetest.Example(pipeline.New("app").From(orders, cities).Add(ps...).To(parcels), func(d *pipelinetest.Driver) {
		d.Send(cities.Row("ada", "London"), orders.Row("1", order{"ada", "tea"}), orders.Row("2", order{"", "cake"}))
		fmt.Println(pipelinetest.Rows(d, parcels))
	})
	// Output: map[1:tea to London 2:cake to the desk]
}

// A page without a title is shown by its address.
func ExampleLeftJoinGlobal() {
	visits := pipeline.NewTopic("visits", codec.String()) // of pages, by visitor
	titles := pipeline.NewTable("titles", codec.String()) // of pages
	read := pipeline.NewTopic("read", codec.String())
	p := processors.LeftJoinGlobal("titles", visits, titles,
		func(_ *pipeline.Context, page string) (string, bool) { return page, page != "" }, read,
		func(_ *pipeline.Context, page, title string, ok bool) (string, error) {
			if !ok {
				title = page
			}
			return title, nil
		})
	pipelinetest.Example(pipeline.New("app").From(visits, titles).Add(p).To(read), func(d *pipelinetest.Driver) {
		d.Send(titles.Row("/1", "Of Tea"), visits.Record("ada", "/1"), visits.Record("ada", "/2"))
		show(d, read)
	})
	// Output:
	// ada Of Tea
	// ada /2
}

// A sale waits until the prices of its time have had an hour to come.
func ExampleLeftJoinVersioned() {
	sales := pipeline.NewTopic("sales", codec.Int64())
	prices := pipeline.NewTable("prices", codec.Int64())
	turnover := pipeline.NewTopic("turnover", codec.String())
	p := processors.LeftJoinVersioned("value", sales, prices, 24*time.Hour, turnover,
		func(_ *pipeline.Context, n, cents int64, ok bool) (string, error) {
			if !ok {
				return fmt.Sprint(n, " at an unknown price"), nil
			}
			return fmt.Sprint(n, " at ", cents), nil
		}, processors.WaitForVersions(time.Hour))
	pipelinetest.Example(pipeline.New("app").From(sales, prices).Add(p).To(turnover), func(d *pipelinetest.Driver) {
		d.Send(sales.Record("tea", 2).At(noon), sales.Record("cake", 1).At(noon),
			prices.Row("tea", 450).At(noon.Add(-time.Minute)), // late, and seen
			prices.Row("tea", 500).At(noon.Add(time.Hour)))
		for _, m := range pipelinetest.Read(d, turnover) {
			fmt.Println(m.Time.Format("15:04"), m.Key, m.Value)
		}
	})
	// Output:
	// 12:00 cake 1 at an unknown price
	// 12:00 tea 2 at 450
}

// Nobody has said anything for half an hour, whatever the records' times.
func ExampleExpireByClock() {
	said := pipeline.NewTopic("said", codec.String())
	silent := pipeline.NewTopic("silent", codec.String())
	p := pipeline.Process("silence")
	out := pipeline.Output(p, silent)
	expiry := processors.ExpireByClock(p, "silence", 30*time.Minute, func(ctx *pipeline.Context) error {
		out.Emit(ctx, ctx.Key(), "silent")
		return nil
	})
	pipeline.Input(p, said, func(ctx *pipeline.Context, _ string) error {
		expiry.Touch(ctx)
		return nil
	})
	pipelinetest.Example(pipeline.New("app").From(said).Add(p).To(silent), func(d *pipelinetest.Driver) {
		d.Send(said.Record("ada", "hello"), said.Record("bob", "hello"))
		d.Advance(20 * time.Minute)
		d.Send(said.Record("bob", "are you there?"))
		d.Advance(10 * time.Minute)
		show(d, silent)
	})
	// Output: ada silent
}

// Who has not been heard of for a minute is gone.
func ExampleTTLByClock() {
	beats := pipeline.NewTopic("beats", codec.String())
	alive := pipeline.NewTable("alive", codec.String())
	p := processors.ToTable("alive", beats, alive, processors.TTLByClock(time.Minute))
	pipelinetest.Example(pipeline.New("app").From(beats).Add(p), func(d *pipelinetest.Driver) {
		d.Send(beats.Record("a", "up"), beats.Record("b", "up"))
		d.Advance(40 * time.Second)
		d.Send(beats.Record("b", "up"))
		d.Advance(20 * time.Second)
		fmt.Println(pipelinetest.Rows(d, alive))
	})
	// Output: map[b:up]
}

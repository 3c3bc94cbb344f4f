package auction

import (
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

const (
	every    = 123 // q2: of the auctions' numbers
	category = 10  // q3
)

func local(p Event) bool { return p.State == "OR" || p.State == "ID" || p.State == "CA" }

func euros(b Event) Event {
	b.Price = b.Price * 908 / 1000
	return b
}

// bids makes a step that passes bids on.
func bids[To any](app, input string, out pipeline.Topic[To], fn func(b Event, emit func(key string, v To))) *pipeline.Processor {
	return processors.FlatMap("bids", Input(input), out, func(_ *pipeline.Context, e Event, emit func(string, To)) error {
		if e.Kind == Bid {
			fn(e, emit)
		}
		return nil
	})
}

func passThrough(app, input string) *pipeline.Topology {
	out := pipeline.NewTopic(Output(app), Codec())
	return pipeline.New(app).From(Input(input)).Add(bids(app, input, out,
		func(b Event, emit func(string, Event)) { emit(b.Key(), b) })).To(out)
}

func convert(app, input string) *pipeline.Topology {
	out := pipeline.NewTopic(Output(app), Codec())
	return pipeline.New(app).From(Input(input)).Add(bids(app, input, out,
		func(b Event, emit func(string, Event)) { emit(b.Key(), euros(b)) })).To(out)
}

func selection(app, input string) *pipeline.Topology {
	out := pipeline.NewTopic(Output(app), codec.Int64())
	return pipeline.New(app).From(Input(input)).Add(bids(app, input, out, func(b Event, emit func(string, int64)) {
		if b.ID%every == 0 {
			emit(b.Key(), b.Price)
		}
	})).To(out)
}

// sellers sends persons and auctions to topics by the person, those that are wanted.
func sellers(app, input string, person, auction func(Event) bool) (persons, sold pipeline.Topic[Event], p *pipeline.Processor) {
	persons, sold = pipeline.NewTopic(app+"-persons", Codec()), pipeline.NewTopic(app+"-sold", Codec())
	p = pipeline.Process("sellers")
	ps, as := pipeline.Output(p, persons), pipeline.Output(p, sold)
	pipeline.Input(p, Input(input), func(ctx *pipeline.Context, e Event) error {
		switch {
		case e.Kind == Person && person(e):
			ps.Emit(ctx, personKey(e.ID), e)
		case e.Kind == Auction && auction(e):
			as.Emit(ctx, personKey(e.Seller), e)
		}
		return nil
	})
	return persons, sold, p
}

// localItems has no window: it is one that is longer than all events are.
func localItems(app, input string) *pipeline.Topology {
	out := pipeline.NewTopic(Output(app), codec.String())
	persons, sold, split := sellers(app, input, local, func(a Event) bool { return a.Category == category })
	join := processors.JoinStreams(app+"-join", persons, sold, processors.Within(24*time.Hour), out,
		func(_ *pipeline.Context, p, a Event) (string, error) { return localItem(p, a), nil })
	return pipeline.New(app).From(Input(input)).Add(split, join).To(out)
}

func newSellers(app, input string) *pipeline.Topology {
	all := func(Event) bool { return true }
	persons, sold, split := sellers(app, input, all, all)
	pairs, once, out := pipeline.NewTopic(app+"-pairs", codec.String()), pipeline.NewTopic(app+"-once", codec.String()),
		pipeline.NewTopic(Output(app), codec.String())
	join := processors.JoinStreams(app+"-join", persons, sold, processors.Within(window).Grace(grace), pairs,
		func(_ *pipeline.Context, p, a Event) (string, error) { return newSeller(p, a), nil })
	filter := processors.Filter("filter", pairs, once, func(_ *pipeline.Context, row string) (bool, error) { return row != "", nil })
	dedupe := processors.Dedupe("dedupe", once, out, pipeline.NewTable(app+"-seen", codec.JSON[time.Time]()), 24*time.Hour)
	return pipeline.New(app).From(Input(input)).Add(split, join, filter, dedupe).To(out)
}

// lot is an auction that goes on. Best is the highest bid, 0 without one.
type lot struct{ Category, Reserve, Expires, Best int64 }

func (l lot) wins(b Event) bool {
	return b.Time < l.Expires && b.Price >= l.Reserve && b.Price > l.Best
}

// averagePrice closes each auction by a timer, at its end.
func averagePrice(app, input string) *pipeline.Topology {
	closed, out := pipeline.NewTopic(app+"-closed", codec.Int64()), pipeline.NewTable(Output(app), aggregate.MeanCodec())
	p := pipeline.Process("close")
	open := pipeline.State(p, pipeline.NewTable(app+"-open", codec.JSON[lot]()))
	ends := pipeline.EventTimers(p, app+"-ends", codec.Bytes())
	closing := pipeline.Output(p, closed)
	pipeline.Input(p, Input(input), func(ctx *pipeline.Context, e Event) error {
		switch e.Kind {
		case Auction:
			open.Set(ctx, lot{e.Category, e.Reserve, e.Expires, 0})
			ends.Set(ctx, ctx.Key(), time.UnixMilli(e.Expires), nil)
		case Bid:
			if l, ok := open.Get(ctx); ok && l.wins(e) {
				l.Best = e.Price
				open.Set(ctx, l)
			}
		}
		return nil
	})
	ends.Handle(func(ctx *pipeline.Context, _ []byte) error {
		if l, ok := open.Get(ctx); ok && l.Best > 0 {
			closing.Emit(ctx, number(l.Category), l.Best)
		}
		open.Delete(ctx)
		return nil
	})
	mean := processors.AggregateBy("mean", closed, aggregate.Average(func(n int64) float64 { return float64(n) }), out)
	return pipeline.New(app).From(Input(input)).Add(p, mean).To(out)
}

// best makes a topology that aggregates the bids of each auction in windows, and
// then finds the best auction of each window. What the windows have goes on as the
// changes of their table: the last of each commit, as from Kafka Streams' cache. They
// are retained for longer than they are open: of one that changes and is forgotten
// in the same commit only the latter is seen.
func best(app, input string, w processors.Windows, agg aggregate.Func[Event, Event]) *pipeline.Topology {
	panes, byWindow := pipeline.NewTable(app+"-panes", processors.Panes(Codec())), pipeline.NewTopic(app+"-by-window", Codec())
	windows := processors.Window(app+"-windows", Input(input), w.Grace(grace).Retain(retention), agg, panes)
	rekey := pipeline.Process("rekey")
	to := pipeline.Output(rekey, byWindow)
	pipeline.Changes(rekey, panes, func(ctx *pipeline.Context, c pipeline.Change[processors.Pane[Event]]) error {
		if c.Deleted || c.Value.Value.Kind != Bid {
			return nil
		}
		_, start, err := processors.ParseWindowKey(ctx.Key())
		if err == nil {
			to.Emit(ctx, number(start.UnixMilli()), c.Value.Value)
		}
		return err
	})
	out := pipeline.NewTable(Output(app), Codec())
	top := processors.Reduce("top", byWindow, out, func(_ *pipeline.Context, a, b Event) (Event, error) { return better(a, b), nil })
	return pipeline.New(app).From(Input(input)).Add(windows, rekey, top).To(out)
}

// hotItems counts bids in the price.
func hotItems(app, input string) *pipeline.Topology {
	return best(app, input, processors.Hopping(window, hop), ofBids(func(a, b Event) Event {
		a.Price += b.Price
		return a
	}, func(b Event) Event { return Event{Kind: Bid, ID: b.ID, Price: 1} }))
}

func highestBid(app, input string) *pipeline.Topology {
	return best(app, input, processors.Tumbling(window), ofBids(better, func(b Event) Event {
		return Event{Kind: Bid, ID: b.ID, Price: b.Price, Bidder: b.Bidder}
	}))
}

// ofBids combines bids, and leaves out other events.
func ofBids(combine func(a, b Event) Event, of func(b Event) Event) aggregate.Func[Event, Event] {
	return aggregate.Fold(func() Event { return Event{Kind: Tick} }, func(_ *pipeline.Context, so, e Event) (Event, error) {
		switch {
		case e.Kind != Bid:
			return so, nil
		case so.Kind != Bid:
			return of(e), nil
		}
		return combine(so, of(e)), nil
	}, nil, Codec())
}

func sessions(app, input string) *pipeline.Topology {
	byBidder, out := pipeline.NewTopic(app+"-by-bidder", Codec()), pipeline.NewTopic(Output(app), codec.Int64())
	rekey := bids(app, input, byBidder, func(b Event, emit func(string, Event)) { emit(number(b.Bidder), b) })
	count := aggregate.Count[Event]()
	s := processors.Window(app+"-sessions", byBidder, processors.Session(window).Grace(grace), count,
		pipeline.NewTable(app+"-panes", processors.Panes(count.Codec)), processors.EmitUpdates(out))
	return pipeline.New(app).From(Input(input)).Add(rekey, s).To(out)
}

// byProcessingTime makes the time at which a bid is handled its record's time.
func byProcessingTime(app, input string) *pipeline.Topology {
	byBidder, out := pipeline.NewTopic(app+"-by-bidder", Codec()), pipeline.NewTopic(Output(app), codec.Int64())
	rekey := pipeline.Process("bids")
	to := pipeline.Output(rekey, byBidder)
	pipeline.Input(rekey, Input(input), func(ctx *pipeline.Context, e Event) error {
		if e.Kind == Bid {
			to.EmitAt(ctx, number(e.Bidder), e, ctx.Now())
		}
		return nil
	})
	count := aggregate.Count[Event]()
	w := processors.Window(app+"-windows", byBidder, processors.Tumbling(window).Grace(grace), count,
		pipeline.NewTable(app+"-panes", processors.Panes(count.Codec)), processors.EmitUpdates(out))
	return pipeline.New(app).From(Input(input)).Add(rekey, w).To(out)
}

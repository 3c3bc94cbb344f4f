package auction

import (
	"fmt"
	"iter"
	"slices"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// This file computes the results from all events at once, and has the rows of
// both.

func eventRow(_ string, value []byte) (string, int64, error) { return string(value), 1, nil }

func textRow(_ string, value []byte) (string, int64, error) { return string(value), 1, nil }

func each(events iter.Seq[Event], kind Kind, f func(Event)) {
	for e := range events {
		if e.Kind == kind {
			f(e)
		}
	}
}

func allBids(events iter.Seq[Event]) map[string]int64 {
	rows := map[string]int64{}
	each(events, Bid, func(b Event) { rows[string(b.Append(nil))]++ })
	return rows
}

func converted(events iter.Seq[Event]) map[string]int64 {
	rows := map[string]int64{}
	each(events, Bid, func(b Event) { rows[string(euros(b).Append(nil))]++ })
	return rows
}

func selected(events iter.Seq[Event]) map[string]int64 {
	rows := map[string]int64{}
	each(events, Bid, func(b Event) {
		if b.ID%every == 0 {
			rows[fmt.Sprintf("%d: %d", b.ID, b.Price)]++
		}
	})
	return rows
}

func priceRow(key string, value []byte) (string, int64, error) {
	n, err := codec.Int64().Decode(value)
	return fmt.Sprintf("%s: %d", key, n), 1, err
}

func localItem(p, a Event) string {
	return fmt.Sprintf("%s, %s, %s: %d", p.Name, p.City, p.State, a.ID)
}

func localItemsOf(events iter.Seq[Event]) map[string]int64 {
	rows, persons := map[string]int64{}, map[int64]Event{}
	each(events, Person, func(p Event) { persons[p.ID] = p })
	each(events, Auction, func(a Event) {
		if p, ok := persons[a.Seller]; ok && local(p) && a.Category == category {
			rows[localItem(p, a)]++
		}
	})
	return rows
}

// newSeller is empty if the two are not in the same window.
func newSeller(p, a Event) string {
	size := window.Milliseconds()
	if p.Time/size != a.Time/size {
		return ""
	}
	return fmt.Sprintf("%d, %s: %d", p.ID, p.Name, p.Time/size*size)
}

func newSellersOf(events iter.Seq[Event]) map[string]int64 {
	rows, persons := map[string]int64{}, map[int64]Event{}
	each(events, Person, func(p Event) { persons[p.ID] = p })
	each(events, Auction, func(a Event) {
		if row := newSeller(persons[a.Seller], a); row != "" {
			rows[row] = 1
		}
	})
	return rows
}

func averagePriceOf(events iter.Seq[Event]) map[string]int64 {
	lots := map[int64]lot{}
	each(events, Auction, func(a Event) { lots[a.ID] = lot{a.Category, a.Reserve, a.Expires, 0} })
	each(events, Bid, func(b Event) {
		if l := lots[b.ID]; l.wins(b) {
			l.Best = b.Price
			lots[b.ID] = l
		}
	})
	sums, counts := map[int64]int64{}, map[int64]int64{}
	for _, l := range lots {
		if l.Best > 0 {
			sums[l.Category] += l.Best
			counts[l.Category]++
		}
	}
	rows := map[string]int64{}
	for c, n := range counts {
		rows[fmt.Sprintf("%d: %.3f of %d", c, float64(sums[c])/float64(n), n)] = 1
	}
	return rows
}

func meanRow(key string, value []byte) (string, int64, error) {
	m, err := aggregate.MeanCodec().Decode(value)
	return fmt.Sprintf("%s: %.3f of %d", key, m.Value(), m.Count), 1, err
}

// better returns the bid of the higher price; of equal ones that of the smaller
// numbers.
func better(a, b Event) Event {
	switch {
	case a.Price != b.Price:
		if a.Price > b.Price {
			return a
		}
	case a.ID != b.ID:
		if a.ID < b.ID {
			return a
		}
	case a.Bidder < b.Bidder:
		return a
	}
	return b
}

func bestRow(key string, value []byte) (string, int64, error) {
	e, err := Decode(value)
	return fmt.Sprintf("%s: auction %d, bidder %d, %d", key, e.ID, e.Bidder, e.Price), 1, err
}

// bestOf computes the best of each window that begins every so many ms.
func bestOf(events iter.Seq[Event], size, step int64, of func(Event) Event, combine func(a, b Event) Event) map[string]int64 {
	type pane struct{ start, auction int64 }
	panes, tops := map[pane]Event{}, map[int64]Event{}
	each(events, Bid, func(b Event) {
		for start := b.Time / step * step; start > b.Time-size; start -= step {
			if so, ok := panes[pane{start, b.ID}]; ok {
				panes[pane{start, b.ID}] = combine(so, of(b))
			} else {
				panes[pane{start, b.ID}] = of(b)
			}
		}
	})
	for p, e := range panes {
		if so, ok := tops[p.start]; ok {
			e = better(so, e)
		}
		tops[p.start] = e
	}
	rows := map[string]int64{}
	for start, e := range tops {
		rows[fmt.Sprintf("%d: auction %d, bidder %d, %d", start, e.ID, e.Bidder, e.Price)] = 1
	}
	return rows
}

func hotItemsOf(events iter.Seq[Event]) map[string]int64 {
	return bestOf(events, window.Milliseconds(), hop.Milliseconds(), func(b Event) Event { return Event{ID: b.ID, Price: 1} },
		func(a, b Event) Event { return Event{ID: a.ID, Price: a.Price + b.Price} })
}

func highestBidOf(events iter.Seq[Event]) map[string]int64 {
	return bestOf(events, window.Milliseconds(), window.Milliseconds(), func(b Event) Event { return b }, better)
}

func sessionsOf(events iter.Seq[Event]) map[string]int64 {
	times := map[int64][]int64{}
	each(events, Bid, func(b Event) { times[b.Bidder] = append(times[b.Bidder], b.Time) })
	rows := map[string]int64{}
	for bidder, ts := range times {
		slices.Sort(ts)
		from := 0
		for i := range ts {
			if i+1 == len(ts) || ts[i+1]-ts[i] > window.Milliseconds() {
				rows[fmt.Sprintf("%d from %d to %d: %d", bidder, ts[from], ts[i], i+1-from)] = 1
				from = i + 1
			}
		}
	}
	return rows
}

func sessionRow(key string, value []byte) (string, int64, error) {
	bidder, from, to, err := processors.ParseSessionKey(key)
	if err != nil {
		return "", 0, err
	}
	n, err := codec.Int64().Decode(value)
	return fmt.Sprintf("%s from %d to %d: %d", bidder, from.UnixMilli(), to.UnixMilli(), n), 1, err
}

// bidsOfBidders is all that is known before: in which windows they fall is not.
func bidsOfBidders(events iter.Seq[Event]) map[string]int64 {
	rows := map[string]int64{}
	each(events, Bid, func(b Event) { rows[number(b.Bidder)]++ })
	return rows
}

func bidderRow(key string, value []byte) (string, int64, error) {
	bidder, _, err := processors.ParseWindowKey(key)
	if err != nil {
		return "", 0, err
	}
	n, err := codec.Int64().Decode(value)
	return bidder, n, err
}

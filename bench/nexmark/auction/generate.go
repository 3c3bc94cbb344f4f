package auction

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

const (
	epoch       = 50 // events, of which
	people      = 1  // are persons,
	auctions    = 3  // auctions, and the others bids
	firstID     = 1000
	categories  = 5
	activeUsers = 1000
	inFlight    = 100               // auctions
	began       = 1_767_225_600_000 // ms: 2026-01-01

	// Of so many bids, auctions and bids, all but one are of a hot auction, seller and bidder.
	hotAuction, hotSeller, hotBidder = 2, 4, 4
	hotGroup                         = 100 // one auction or person of so many is a hot one
)

var (
	states = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	cities = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	names  = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	filler = strings.Repeat("x", 500)
)

// Events makes the first n events, in the order of their times, and ticks behind
// them that close everything. The same seed gives the same events. So many are in
// a second of event time.
func Events(n int, perSecond int64, seed uint64) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		g := generator{rand.New(rand.NewPCG(seed, 0)), perSecond}
		for i := range int64(n) {
			if !yield(g.event(i)) {
				return
			}
		}
		for i := range int64(ticks) {
			if !yield(Event{Kind: Tick, Time: g.at(int64(n)) + 3_600_000, ID: i}) {
				return
			}
		}
	}
}

// ticks are so many that each of a few partitions gets one.
const ticks = 64

type generator struct {
	*rand.Rand
	perSecond int64
}

func (g generator) at(i int64) int64 { return began + i*1000/g.perSecond }

// event makes the i-th event. What is there before it follows from i.
func (g generator) event(i int64) Event {
	round, place := i/epoch, i%epoch
	e := Event{Time: g.at(i)}
	lastPerson := firstID + round*people + min(place, people-1)
	lastAuction := firstID + round*auctions + min(max(place-people, -1), auctions-1)
	switch {
	case place < people:
		e.Kind, e.ID = Person, lastPerson
		e.Name = fmt.Sprintf("%s %d %s", names[g.IntN(len(names))], e.ID, filler[:80])
		e.City, e.State = cities[g.IntN(len(cities))], states[g.IntN(len(states))]
	case place < people+auctions:
		e.Kind, e.ID = Auction, lastAuction
		e.Seller = g.person(lastPerson, hotSeller)
		e.Category = 10 + g.Int64N(categories)
		e.Reserve = g.price()
		// As long as it takes for so many auctions to be there, on average.
		horizon := int64(inFlight) * epoch / auctions * 1000 / g.perSecond
		e.Expires = e.Time + 1 + g.Int64N(2*horizon)
		e.Name = filler[:400]
	default:
		e.Kind = Bid
		e.ID = g.auction(lastAuction)
		e.Bidder, e.Price = g.person(lastPerson, hotBidder), g.price()
		e.Name = filler[:30]
	}
	return e
}

func (g generator) person(last int64, hot int) int64 {
	if g.IntN(hot) > 0 {
		return last / hotGroup * hotGroup
	}
	return last - g.Int64N(min(activeUsers, last-firstID+1))
}

func (g generator) auction(last int64) int64 {
	if g.IntN(hotAuction) > 0 {
		return last / hotGroup * hotGroup
	}
	last = max(last, firstID)
	return last - g.Int64N(min(inFlight, last-firstID+1))
}

// price is between 1 and about a million, small ones more often.
func (g generator) price() int64 {
	n := int64(100)
	for range 4 {
		n = n * (10 + g.Int64N(90)) / 10
	}
	return n
}

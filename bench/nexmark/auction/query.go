package auction

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// Query is one of NEXMark's.
type Query struct {
	Name string
	What string
	// Build makes the topology. Its name begins with app, and so do those of its
	// topics and of the operators that have topics of their own; it reads the
	// topic input and writes to Output(app).
	Build func(app, input string) *pipeline.Topology
	// Batch computes the rows of the result, and how often each is there.
	Batch func(events iter.Seq[Event]) map[string]int64

	last bool // the result is the last record of each key
	row  func(key string, value []byte) (row string, n int64, err error)
}

// Output returns the topic of a query's result.
func Output(app string) string { return app + "-out" }

// Queries returns all.
func Queries() []Query {
	return []Query{
		{Name: "q0", What: "all bids", Build: passThrough, Batch: allBids, row: eventRow},
		{Name: "q1", What: "all bids, in another currency", Build: convert, Batch: converted, row: eventRow},
		{Name: "q2", What: "bids for some auctions", Build: selection, Batch: selected, row: priceRow},
		{Name: "q3", What: "who sells in a category and in three states", Build: localItems, Batch: localItemsOf, row: textRow},
		{Name: "q4", What: "the average closing price of each category", Build: averagePrice, Batch: averagePriceOf, last: true, row: meanRow},
		{Name: "q5", What: "the auction with the most bids, of 10 s every 2 s", Build: hotItems, Batch: hotItemsOf, last: true, row: bestRow},
		{Name: "q7", What: "the highest bid of each 10 s", Build: highestBid, Batch: highestBidOf, last: true, row: bestRow},
		{Name: "q8", What: "who has come and sold within the same 10 s", Build: newSellers, Batch: newSellersOf, row: textRow},
		{Name: "q11", What: "bids of each bidder's session", Build: sessions, Batch: sessionsOf, last: true, row: sessionRow},
		{Name: "q12", What: "bids of each bidder, in windows of processing time", Build: byProcessingTime, Batch: bidsOfBidders, last: true, row: bidderRow},
	}
}

// Find returns the query of a name.
func Find(name string) (Query, error) {
	var all []string
	for _, q := range Queries() {
		if q.Name == name {
			return q, nil
		}
		all = append(all, q.Name)
	}
	return Query{}, fmt.Errorf("no query %q; there are %s", name, strings.Join(all, ", "))
}

// Result is what a topology has written, as rows.
type Result struct {
	q    Query
	rows map[string]int64
	keys map[string][]byte
}

// NewResult returns one without rows.
func (q Query) NewResult() *Result {
	return &Result{q, map[string]int64{}, map[string][]byte{}}
}

// Add adds an output record; value is nil for a deletion. It keeps value.
func (r *Result) Add(key string, value []byte) error {
	if r.q.last {
		if r.keys[key] = value; value == nil {
			delete(r.keys, key)
		}
		return nil
	}
	return r.add(key, value)
}

func (r *Result) add(key string, value []byte) error {
	row, n, err := r.q.row(key, value)
	if err != nil {
		return fmt.Errorf("output of %s, key %q: %w", r.q.Name, key, err)
	}
	r.rows[row] += n
	return nil
}

// Differ returns what of the result is not as wanted: at most a few rows. It
// ends the result.
func (r *Result) Differ(want map[string]int64) error {
	for key, value := range r.keys {
		if err := r.add(key, value); err != nil {
			return err
		}
	}
	var wrong []string
	for row, n := range want {
		if r.rows[row] != n && len(wrong) < 5 {
			wrong = append(wrong, fmt.Sprintf("row %q is there %d times, want %d", row, r.rows[row], n))
		}
	}
	for row, n := range r.rows {
		if want[row] == 0 && len(wrong) < 10 {
			wrong = append(wrong, fmt.Sprintf("row %q is there %d times, want none", row, n))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s: %d rows, want %d: %s", r.q.Name, len(r.rows), len(want), strings.Join(wrong, "; "))
	}
	return nil
}

// The windows of the queries, and how long they wait for what is out of order:
// when a backlog is read, the partitions are not read evenly.
const (
	window = 10 * time.Second
	hop    = 2 * time.Second
	grace  = time.Hour / 2
	// As long as Kafka Streams keeps windows if nothing else is said.
	retention = 24 * time.Hour
)

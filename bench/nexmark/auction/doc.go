// Package auction is the NEXMark workload: events of an auction house, and
// queries over them, each as a topology of Millrace's operators and as a plain
// computation over all events at once.
//
//	for e := range auction.Events(1_000_000, 10_000, 1) { ... }
//	q, _ := auction.Find("q5")
//	t := q.Build("run", "events") // reads the topic events
//	want := q.Batch(auction.Events(1_000_000, 10_000, 1))
//
// The proportions, the hot keys and the queries are those of Apache Beam's
// NEXMark (https://beam.apache.org/documentation/sdks/java/testing/nexmark/):
// of 50 events one is a new person, 3 are auctions and 46 bids.
package auction

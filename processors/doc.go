// Package processors has ready operators: each is a function that returns a
// *pipeline.Processor.
//
//	pipeline.New("shop").From(Orders, Customers).Add(
//		processors.Filter("paid", Orders, Paid, isPaid),
//		processors.Dedupe("dedupe", Paid, Unique, Seen, time.Hour),
//		processors.Join("enrich", Unique, Customers, Enriched, enrich),
//		processors.Count("count", Unique, PerCustomer)).
//	To(Enriched)
//
// Window aggregates in windows of time: tumbling, hopping or sliding ones, sessions,
// or a number of records. What it aggregates is an aggregation of package
// processors/aggregate.
//
//	processors.Window("per-minute", Clicks, processors.Tumbling(time.Minute).Grace(10*time.Second),
//		aggregate.Count[Click](), PerMinute, processors.EmitFinal(Counted))
//
// Enrich and EnrichBy ask a service outside, with many calls at once.
//
// They are written with the public functions of package pipeline only: one of
// your own is their equal. Every function that they call gets the record's
// context first, for its key, time and headers; an error that it returns fails
// the record. Outputs keep the record's key and time unless it says otherwise.
//
// What an operator keeps for itself, such as timers or the windows that are open, it
// says under names that begin with its own. On the cluster and on disk they carry the
// topology's name as well, TOPOLOGY-NAME-timers: see pipeline.Table.Internal.
//
// Steps without state compose as plain functions: a Map of two functions is
// one processor, two Maps are two, with a topic between them.
package processors

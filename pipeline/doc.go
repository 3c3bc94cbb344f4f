// Package pipeline is for stream processing from Kafka topics to Kafka topics,
// with local state, as ordinary Go services.
//
// A [Topology] is a value: topics in, processors, topics out, tables. It is
// built by a function apart from main, checked as a whole, printed as text and
// as a Mermaid diagram, and run unchanged by the test driver (package
// pipelinetest), on the embedded broker (package embedded) and on a cluster:
//
//	var (
//		Orders = pipeline.NewTopic("orders", codec.JSON[Order]())
//		Unique = pipeline.NewTopic("orders.unique", codec.JSON[Order]())
//		Seen   = pipeline.NewTable("orders.seen", codec.JSON[time.Time]())
//	)
//
//	func Topology() *pipeline.Topology {
//		return pipeline.New("orders").From(Orders).Add(dedupe()).To(Unique)
//	}
//
//	func dedupe() *pipeline.Processor {
//		p := pipeline.Process("dedupe")
//		seen := pipeline.State(p, Seen)
//		unique := pipeline.Output(p, Unique)
//
//		pipeline.Input(p, Orders, func(ctx *pipeline.Context, o Order) error {
//			if _, ok := seen.Get(ctx); !ok {
//				seen.Set(ctx, ctx.Timestamp())
//				unique.Emit(ctx, ctx.Key(), o)
//			}
//			return nil
//		})
//		return p
//	}
//
//	err := pipeline.Run(ctx, Topology(), pipeline.Config{Brokers: brokers})
//
// A processor declares handles, then handles: what it may touch is in its
// first lines, and what it did not declare does not compile. Ready operators
// (package processors) are written with the same functions.
//
//   - [Input], [Changes]: the topics it reads, and tables' changes as a stream
//   - [InputAhead]: the same with a call to a service for each record, many at once
//   - [Output]: the topics it writes
//   - [State], [Store]: the tables it owns
//   - [Join], [Lookup]: the tables of others that it reads
//   - [Loop]: records to itself, under another key
//
// # What a handler can rely on
//
// Records of one partition are handled one at a time, in order. What a handler
// did takes effect when it returns nil; of a record that failed, nothing
// remains. Outputs, state and input positions are committed together at short
// intervals, in this order: a crash can repeat records, and lose none. A
// failed access of a handle (a broken store, a value that does not decode)
// fails the record whatever the handler returns, so Get needs no error.
//
// [Processor.OnError] says what becomes of a record that fails: it is tried
// again, put aside as a dead letter, skipped, or, without a policy, it ends
// the run.
//
// Values that Get returns are shared: copy before you change one, or give the
// table a Clone function.
package pipeline

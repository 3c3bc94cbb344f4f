// Package aggregate has aggregations as values: what to do with the first value,
// with each further one, and with two aggregates that become one, and how the
// aggregate is encoded.
//
//	views := aggregate.Count[View]()
//	processors.AggregateBy("views", Views, views, pipeline.NewTable("views", views.Codec))
//	processors.Window("views-per-minute", Views, processors.Tumbling(time.Minute), views,
//		pipeline.NewTable("views-per-minute", processors.Panes(views.Codec)))
//
// The size of every aggregate here is bounded: numbers have 8 or 16 bytes, and
// what TopK, Distinct and Quantiles hold at most they say.
package aggregate

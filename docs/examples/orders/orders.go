// Package orders is the example of the guide: a topology that passes each
// order on once and counts the orders of each customer.
package orders

import (
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

// doc: topics

// Order is what the shop sends.
type Order struct {
	Customer string
	Cents    int64
}

var (
	Orders = pipeline.NewTopic("orders", codec.JSON[Order]())          // by order number
	Seen   = pipeline.NewTable("orders.seen", codec.JSON[time.Time]()) // by order number
	Unique = pipeline.NewTopic("orders.unique", codec.JSON[Order]())   // by customer
	Totals = pipeline.NewTable("orders.totals", codec.Int64())         // by customer, in cents
	Failed = pipeline.NewTopic("orders.failed", codec.Bytes())         // what could not be read
)

// end

// doc: topology

// Topology is topics in, processors, topics out.
func Topology() *pipeline.Topology {
	return pipeline.New("shop").From(Orders).Add(
		dedupe().DeadLetters(Failed),
		processors.Aggregate("total", Unique, Totals, total),
	).To(Failed)
}

// end

// doc: processor

// dedupe passes an order on when its number is new.
func dedupe() *pipeline.Processor {
	p := pipeline.Process("dedupe")
	seen := pipeline.State(p, Seen)
	unique := pipeline.Output(p, Unique)

	pipeline.Input(p, Orders, func(ctx *pipeline.Context, o Order) error {
		if _, ok := seen.Get(ctx); ok {
			return nil
		}
		seen.Set(ctx, ctx.Timestamp())
		unique.Emit(ctx, o.Customer, o)
		return nil
	})
	return p
}

// end

// doc: fold

// total adds an order to what its customer has spent.
func total(_ *pipeline.Context, cents int64, o Order) (int64, error) {
	return cents + o.Cents, nil
}

// end

package orders_test

import (
	"testing"

	"github.com/millrace/millrace/docs/examples/orders"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// doc: test

func TestAnOrderThatComesTwiceCountsOnce(t *testing.T) {
	pipelinetest.Each(t, orders.Topology, func(d *pipelinetest.Driver) {
		ada := orders.Order{Customer: "ada", Cents: 995}
		d.Send(orders.Orders.Record("1", ada), orders.Orders.Record("1", ada))
		d.Crash() // as kill -9 would
		d.Send(orders.Orders.Record("1", ada), orders.Orders.Record("2", ada))
		d.Expect(orders.Unique.Record("ada", ada), orders.Unique.Record("ada", ada),
			orders.Totals.Row("ada", 1990))
	})
}

// end

// Package pipelinetest runs a topology in a test: the real engine, its stores
// and its commit cycle, on a cluster in memory.
//
//	func TestDuplicateIsDropped(t *testing.T) {
//		d := pipelinetest.New(t, Topology())
//		d.Send(Orders.Record("o1", order), Orders.Record("o1", order))
//		d.Expect(Unique.Record("o1", order))
//	}
//
// Send returns when everything that the records caused has been committed, so
// there is nothing to wait for and nothing to poll. Topics have one partition
// unless they are declared with more, and the clock moves only with Advance:
// the outcome is the same at every run.
//
// The driver also finds handlers that change a value of a table in place, and
// can crash and restart the topology: what was committed must be there again,
// and nothing else.
//
// [Each] runs a test twice, in memory and on the embedded broker.
package pipelinetest

// Package leaktest fails a package's tests when goroutines are left behind.
package leaktest

import (
	"testing"

	"go.uber.org/goleak"
)

// Main runs the tests and looks for goroutines that none of them owns any
// more. It is called by TestMain.
//
// Left out are two of libraries: the clock that sarama's metrics start once
// for the whole process, and the one by which LevelDB frees its buffers, which
// ends up to a second after its database was closed. A package may name others.
func Main(m *testing.M, others ...goleak.Option) {
	goleak.VerifyTestMain(m, append(others,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))...)
}

package topology_test

import (
	"testing"

	"github.com/millrace/millrace/internal/testbroker"
	"github.com/millrace/millrace/pipeline/embedded"
)

// brokers returns the address of an embedded broker of the test's own.
func brokers(t *testing.T) []string {
	t.Helper()
	return testbroker.Start(t, embedded.Config{}).Addresses()
}

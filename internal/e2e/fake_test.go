//go:build !kafka

package e2e

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/testbroker"
	"github.com/millrace/millrace/pipeline/embedded"
)

// brokers starts an embedded broker for one test.
func brokers(t testing.TB) []string {
	t.Helper()
	return testbroker.Start(t, embedded.Config{Nodes: 3, MinSessionTimeout: time.Second}).Addresses()
}

// replication is what created topics have.
const replication = 3

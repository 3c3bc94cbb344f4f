//go:build kafka

package e2e

import (
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
)

// brokers returns the real cluster, which the tests share and do not harm.
func brokers(t testing.TB) []string { return kafkatest.Addresses(t) }

// replication is what created topics have.
const replication = 3

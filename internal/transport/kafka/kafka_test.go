//go:build kafka

package kafka

import (
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
)

// brokers returns the addresses of brokers for tests that harm none.
func brokers(t testing.TB) []string { return kafkatest.Addresses(t) }

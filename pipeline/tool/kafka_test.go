//go:build kafka

package tool_test

import (
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
)

// brokers returns the addresses of the shared cluster.
func brokers(t *testing.T) []string { return kafkatest.Addresses(t) }

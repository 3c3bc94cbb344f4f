//go:build kafka

package pipeline_test

import (
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
)

func kafkaAddresses(t testing.TB) []string { return kafkatest.Addresses(t) }

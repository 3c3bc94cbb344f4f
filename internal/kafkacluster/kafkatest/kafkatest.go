// Package kafkatest hands a Kafka cluster to tests. One cluster serves all of them (make test-kafka starts
// it), so a test uses topics, groups and transactional ids of its own, and leaves the brokers alone; a test
// that kills brokers starts a cluster of its own with package kafkacluster.
package kafkatest

import (
	"os"
	"strings"
	"testing"
)

// Addresses returns the addresses in MILLRACE_KAFKA, host:port separated by commas. Without it the test is
// skipped, or fails if MILLRACE_REQUIRE_KAFKA is 1.
func Addresses(tb testing.TB) []string {
	tb.Helper()
	var out []string
	for a := range strings.SplitSeq(os.Getenv("MILLRACE_KAFKA"), ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	switch {
	case len(out) > 0:
	case os.Getenv("MILLRACE_REQUIRE_KAFKA") == "1":
		tb.Fatal("MILLRACE_REQUIRE_KAFKA is 1 and MILLRACE_KAFKA names no broker")
	default:
		tb.Skip("needs Kafka: make test-kafka, or make kafka-up and set MILLRACE_KAFKA to the addresses that it prints")
	}
	return out
}

//go:build kafka

package e2e

import (
	"os"
	"strings"
	"testing"
)

// The same test on a real cluster. The topics have the app's own names, so no
// other test may use them; what an earlier run left is removed first.
func TestRestartOnKafka(t *testing.T) {
	addresses := os.Getenv("MILLRACE_KAFKA")
	switch {
	case addresses != "":
	case os.Getenv("MILLRACE_REQUIRE_KAFKA") == "1":
		t.Fatal("MILLRACE_REQUIRE_KAFKA is 1 and MILLRACE_KAFKA names no broker")
	default:
		t.Skip("needs Kafka: make test-kafka, or make kafka-up and set MILLRACE_KAFKA to the addresses that it prints")
	}
	restart(t, strings.Split(addresses, ","))
}

//go:build !kafka

package e2e

import (
	"log/slog"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline/embedded"
)

// brokers starts an embedded broker for one test.
func brokers(t testing.TB) []string {
	t.Helper()
	b, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Nodes: 3, MinSessionTimeout: time.Second,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b.Addresses()
}

// replication is what created topics have.
const replication = 3

// Package testbroker starts the embedded broker for a test: a Kafka of its
// own, which ends with it.
//
//	b := testbroker.Start(t, embedded.Config{Nodes: 3})
package testbroker

import (
	"log/slog"
	"testing"

	"github.com/millrace/millrace/pipeline/embedded"
)

// Start starts a broker that is closed when the test ends, which fails if that
// fails. Without a Dir it has a folder of the test's, without a Logger it says
// nothing.
func Start(t testing.TB, c embedded.Config) *embedded.Broker {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := embedded.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

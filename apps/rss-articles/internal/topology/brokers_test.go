package topology_test

import (
	"log/slog"
	"testing"

	"github.com/millrace/millrace/pipeline/embedded"
)

// brokers returns the address of an embedded broker of the test's own.
func brokers(t *testing.T) []string {
	b, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
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

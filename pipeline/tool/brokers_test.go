//go:build !kafka

package tool_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/millrace/millrace/pipeline/embedded"
)

// brokers returns the address of an embedded broker of the test's own.
func brokers(t *testing.T) []string {
	b, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
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

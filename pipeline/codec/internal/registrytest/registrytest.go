// Package registrytest starts a schema registry for a test of a codec.
package registrytest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millrace/millrace/pipeline/codec/registry"
)

// Start starts a registry in the process, and returns it with a client of its
// own. Both are closed when the test ends.
func Start(t testing.TB) (*srfake.Registry, *registry.Registry) {
	t.Helper()
	f := srfake.New()
	t.Cleanup(f.Close)
	r, err := registry.New(registry.Config{URLs: []string{f.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return f, r
}

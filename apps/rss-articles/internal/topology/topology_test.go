package topology_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"), // the Kafka client's, once for good
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

var update = flag.Bool("update", false, "write the golden files anew")

func TestPrints(t *testing.T) {
	top := topology.New()
	if err := top.Validate(); err != nil {
		t.Fatal(err)
	}
	golden(t, "topology.txt", top.String())
	golden(t, "topology.mermaid", top.Mermaid())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is now:\n%s\nit was:\n%s\nif that is right, run the test with -update", name, got, want)
	}
}

package topology_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// What is left of an application after a replay has taken over is deleted by the
// command in docs/replay.md: reset finds the tables that processors keep, and
// has to be told of all else that they write.
func TestReplayDeletesAllThatIsWritten(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/replay.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "-dry-run -delete \\\n")
	line, _, _ := strings.Cut(rest, "\n")
	told := strings.Split(strings.TrimSpace(line), ",")
	var written, kept []string
	for _, p := range topology.New().Describe().Processors {
		for _, e := range p.Edges {
			switch e.Role {
			case "output", "failed":
				written = append(written, e.Name)
			case "state", "store":
				kept = append(kept, e.Name)
			}
		}
	}
	written = slices.DeleteFunc(written, func(name string) bool { return slices.Contains(kept, name) })
	slices.Sort(told)
	slices.Sort(written)
	if written = slices.Compact(written); !slices.Equal(told, written) {
		t.Errorf("docs/replay.md deletes\n%v, want\n%v", told, written)
	}
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

package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/bench/internal/measure"
)

func sample() *Report {
	r := New("go run ./bench")
	add := func(contender string, cpu, wall time.Duration, peak int64) {
		r.Add(measure.Result{Workload: "copy", Contender: contender, Records: 1_000_000, CPU: cpu, Wall: wall, Peak: peak << 20, Outputs: 9, Want: 10})
	}
	add("millrace", 2*time.Second, 4*time.Second, 100)
	add("millrace-alo", time.Second, 3*time.Second, 100)
	add("goka", 8*time.Second, 9*time.Second, 50)
	add("goka", 10*time.Second, 9*time.Second, 50)
	add("goka", 12*time.Second, 9*time.Second, 50)
	r.Fail("copy", "kafka-streams", errors.New("it ended by itself\nand more"))
	return r
}

// A contender is compared with Millrace under the same guarantee, by the middle
// of its runs.
func TestRatios(t *testing.T) {
	var b strings.Builder
	sample().Ratios(&b)
	want := `ratio copy cpu_s_per_million millrace-alo/millrace 0.50
ratio copy wall_s_per_million millrace-alo/millrace 0.75
ratio copy peak_rss millrace-alo/millrace 1.00
ratio copy cpu_s_per_million goka/millrace 10.00
ratio copy wall_s_per_million goka/millrace 3.00
ratio copy peak_rss goka/millrace 0.50
`
	if b.String() != want {
		t.Errorf("got:\n%swant:\n%s", b.String(), want)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := sample().Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| goka | 111111 | 10.00 (8.00 to 12.00) | 9.00 | 50 |  | 9 of 10 |",
		"| kafka-streams | failed: it ended by itself |",
		"![copy](copy.svg)",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if plot, err := os.ReadFile(filepath.Join(dir, "copy.svg")); err != nil || !strings.Contains(string(plot), ">10.00</text>") {
		t.Errorf("plot: %v\n%s", err, plot)
	}
}

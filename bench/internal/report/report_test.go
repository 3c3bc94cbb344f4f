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
	r := New("go run ./bench ", Environment{Versions: []string{"Go 1", "Kafka 4"}, Machine: "2 cores", Settings: "4 partitions"})
	add := func(contender string, cpu, wall time.Duration, peak int64) {
		r.Add(measure.Result{Workload: "copy", Contender: contender, Records: 1_000_000, CPU: cpu, Wall: wall, Peak: peak << 20, Outputs: 9, Want: 10})
	}
	add("millrace", 2*time.Second, 4*time.Second, 100)
	add("millrace-alo", time.Second, 3*time.Second, 100)
	add("goka", 8*time.Second, 9*time.Second, 50)
	add("goka", 10*time.Second, 9*time.Second, 50)
	add("goka", 12*time.Second, 9*time.Second, 50)
	r.Add(measure.Result{Workload: "copy", Contender: "faust", Records: 1000, Reached: 2000, Of: 5000, CPU: time.Second, Wall: time.Second, Peak: 300 << 20, Outputs: -1, Want: -1})
	r.Missing("quix", errors.New("no python3\nat all"))
	r.Heap("96m", measure.Result{Workload: "copy", Contender: "goka", Records: 1000, Wall: time.Second, Peak: 40 << 20})
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
ratio copy peak_rss goka/millrace 0.40
ratio copy cpu_s_per_million faust/millrace 1000.00
ratio copy wall_s_per_million faust/millrace 333.33
ratio copy peak_rss faust/millrace 3.00
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
		"not counted: stopped at 2000 of 5000 |",
		"\tgo run ./bench\n",
		"- versions: Go 1, Kafka 4\n",
		"- quix is left out: no python3\n",
		"goka loses less than 5 % of its throughput is 96m. It makes 1000 records/s there with at most 40 MiB",
		"![peak_rss](ratio-peak_rss.svg)",
		"ratio copy cpu_s_per_million goka/millrace 10.00\n",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if plot, err := os.ReadFile(filepath.Join(dir, "copy.svg")); err != nil || !strings.Contains(string(plot), ">10.00</text>") {
		t.Errorf("plot: %v\n%s", err, plot)
	}
	if plot, err := os.ReadFile(filepath.Join(dir, "ratio-peak_rss.svg")); err != nil || !strings.Contains(string(plot), ">0.40</text>") {
		t.Errorf("plot of ratios: %v\n%s", err, plot)
	}
	if _, err := os.Stat(filepath.Join(dir, "ratio-p99_ms.svg")); err == nil {
		t.Error("a plot of latencies, of which there are none")
	}
}

// What is looked up needs no network, and names the versions of this checkout.
func TestLook(t *testing.T) {
	e := Look(t.Context(), filepath.Join("..", "..", ".."), "settings")
	all := strings.Join(e.Versions, "\n")
	for _, want := range []string{"Go 1.", "Kafka 4.", "Kafka Streams 4.", "goka v", "franz-go v", "Quix Streams 3.", "faust-streaming 0."} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in:\n%s", want, all)
		}
	}
	if !strings.Contains(e.Machine, "cores") {
		t.Errorf("machine %q", e.Machine)
	}
}

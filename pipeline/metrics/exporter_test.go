package metrics_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/metrics"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var update = flag.Bool("update", false, "write the table of docs/metrics.md anew")

var (
	words  = pipeline.NewTopic("words", codec.String(), pipeline.Partitions(2))
	long   = pipeline.NewTopic("long", codec.String())
	dead   = pipeline.NewTopic("dead", codec.Bytes())
	counts = pipeline.NewTable("counts", codec.Int64())
)

// topology counts words, passes long ones on and fails at "bad".
func topology() *pipeline.Topology {
	p := pipeline.Process("count").DeadLetters(dead)
	n := pipeline.State(p, counts)
	out := pipeline.Output(p, long)
	pipeline.Input(p, words, func(ctx *pipeline.Context, w string) error {
		if w == "bad" {
			return errors.New("a bad word")
		}
		v, _ := n.Get(ctx)
		n.Set(ctx, v+1)
		if len(w) > 5 {
			out.Emit(ctx, ctx.Key(), w)
		}
		return nil
	})
	return pipeline.New("app").From(words).Add(p).To(long, dead)
}

// run starts the topology with an exporter, whose clock is the driver's.
func run(t *testing.T) (*pipelinetest.Driver, *metrics.Exporter) {
	t.Helper()
	var d *pipelinetest.Driver
	e := metrics.New(metrics.Options{NoRuntime: true, Now: func() time.Time {
		if d == nil {
			return time.Time{}
		}
		return d.Now()
	}})
	started := pipelinetest.New(t, topology(), pipelinetest.Views(counts), func(c *pipeline.Config) { c.Metrics = e.Hooks() })
	d = started
	return d, e
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestCounts(t *testing.T) {
	d, e := run(t)
	at := d.Now().Add(-3 * time.Second)
	d.Send(words.Record("k1", "short").At(at), words.Record("k1", "a long word").At(at),
		words.Record("k2", "bad").At(at), words.Record("k3", "short").At(at))
	emitter, err := pipeline.EmitterOf(d.Service(), words)
	if err != nil {
		t.Fatal(err)
	}
	if err := emitter.Emit(t.Context(), "k9", "four"); err != nil {
		t.Fatal(err)
	}
	d.Pipe()
	in := `{processor="count",topic="words",topology="app"}`
	body := scrapeUntil(t, e.Handler(), []string{
		"millrace_handled_records_total" + in + " 5",
		"millrace_handled_bytes_total" + in + " 38",
		"millrace_handler_duration_seconds_count" + in + " 5",
		`millrace_handler_duration_seconds_bucket{processor="count",topic="words",topology="app",le="+Inf"} 5`,
		`millrace_record_failures_total{outcome="dead-letter",processor="count",stage="handle",topic="words",topology="app"} 1`,
		`millrace_retrying_partitions{processor="count",topology="app"} 0`,
		`millrace_written_records_total{processor="count",topic="long",topology="app"} 1`,
		`millrace_written_bytes_total{processor="count",topic="long",topology="app"} 13`,
		`millrace_written_records_total{processor="count",topic="dead",topology="app"} 1`,
		`millrace_written_records_total{processor="count",topic="counts",topology="app"} 4`,
		`millrace_end_to_end_latency_seconds_bucket{processor="count",topic="words",topology="app",le="2.5"} 1`, // the emitter's
		`millrace_end_to_end_latency_seconds_bucket{processor="count",topic="words",topology="app",le="5"} 5`,
		`millrace_lag_records{partition="0",processor="count",topic="words",topology="app"} 0`,
		`millrace_lag_seconds{partition="1",processor="count",topic="words",topology="app"} 0`,
		`millrace_processor_phase{phase="running",processor="count",topology="app"} 1`,
		`millrace_processor_phase{phase="restoring",processor="count",topology="app"} 0`,
		`millrace_assigned_partitions{processor="count",topology="app"} 2`,
		`millrace_ready{topology="app"} 1`,
		`millrace_table_lag_records{partition="0",processor="",role="view",table="counts",topology="app"} 0`,
		`millrace_emitted_records_total{topic="words"} 1`,
		`millrace_emitted_bytes_total{topic="words"} 6`,
		`millrace_emit_errors_total{topic="words"} 0`,
	})
	before := rebalances(t, body)
	d.Restart() // with the same exporter: the new service takes the old one's place
	if after := rebalances(t, scrape(t, e.Handler())); before == 0 || after <= before {
		t.Errorf("%d rebalances, and %d after a restart", before, after)
	}
}

// scrapeUntil scrapes until all lines are there: a commit is seen by others a
// moment before its hook is called.
func scrapeUntil(t *testing.T, h http.Handler, lines []string) string {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		body := scrape(t, h)
		var missing []string
		for _, l := range lines {
			if !strings.Contains(body, l+"\n") {
				missing = append(missing, l)
			}
		}
		if len(missing) == 0 {
			return body
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("no lines %s in\n%s", strings.Join(missing, "\n"), body)
		}
	}
}

func rebalances(t *testing.T, body string) (n int) {
	t.Helper()
	_, rest, _ := strings.Cut(body, "\nmillrace_rebalances_total{")
	if _, err := fmt.Sscanf(rest, `processor="count",topology="app"} %d`, &n); err != nil {
		t.Fatalf("rebalances: %v in %s", err, body)
	}
	return n
}

// Every metric of the list is exported as listed, none that is not listed is,
// and the table in the documentation is the list.
func TestDocumentation(t *testing.T) {
	_, e := run(t)
	h := e.Hooks() // what does not happen in the test topology
	h.Restarted("app", "count", errors.New("x"))
	h.Promoted("app", "count", 0)
	h.Aborted("app", "count", errors.New("x"))
	h.Failed(pipeline.FailureStats{Topology: "app", Err: &pipeline.RecordError{Processor: "count", Topic: "words", Stage: pipeline.StageDecode}})
	h.Restoring(pipeline.RestoreStats{Topology: "app", Processor: "count", Table: "counts", Done: true})
	h.Handled(pipeline.HandledStats{Topology: "app", Processor: "count", Topic: "words", Records: 1})
	h.Emitted(pipeline.EmitStats{Topic: "words"})
	h.Committed(pipeline.CommitStats{Topology: "app", Processor: "count",
		Inputs: []pipeline.InputStats{{Topic: "words", Oldest: time.Now()}}, Written: []pipeline.TopicStats{{Topic: "long"}}})
	families, err := e.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	exported := map[string]string{}
	for _, f := range families {
		labels := []string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		exported[f.GetName()] = fmt.Sprint(strings.ToLower(f.GetType().String()), labels)
	}
	var table strings.Builder
	table.WriteString("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, m := range metrics.Metrics() {
		labels := slices.Sorted(slices.Values(m.Labels))
		want := fmt.Sprint(m.Type, labels)
		if got := exported[m.Name]; got != want && m.Name != "millrace_restore_progress_ratio" { // see TestRestoreProgress
			t.Errorf("%s is exported as %q, listed as %q", m.Name, got, want)
		}
		delete(exported, m.Name)
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help)
	}
	for name := range exported {
		if strings.HasPrefix(name, "millrace_") {
			t.Errorf("%s is exported and not listed", name)
		}
	}
	const path, begin, end = "../../docs/metrics.md", "<!-- metrics -->\n", "<!-- /metrics -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %s … %s", path, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if old != table.String() {
		t.Errorf("%s differs from the list; run the test with -update. The table is to be:\n%s", path, table.String())
	}
}

func TestNames(t *testing.T) {
	for _, m := range metrics.Metrics() {
		total := strings.HasSuffix(m.Name, "_total")
		if !strings.HasPrefix(m.Name, "millrace_") || total != (m.Type == metrics.Counter) || (m.Type == metrics.Histogram) != (m.Buckets != nil) {
			t.Errorf("%s, a %s with buckets %v, breaks the conventions", m.Name, m.Type, m.Buckets)
		}
	}
}

func TestRuntimeMetrics(t *testing.T) {
	body := scrape(t, metrics.New(metrics.Options{}).Handler())
	for _, want := range []string{"go_goroutines ", "process_cpu_seconds_total ", "go_build_info{"} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
}

// The hooks must not allocate once their series exist.
func TestHooksDoNotAllocate(t *testing.T) {
	h := metrics.New(metrics.Options{}).Hooks()
	handled := pipeline.HandledStats{Topology: "a", Processor: "p", Topic: "t", Records: 3, Bytes: 9, Duration: time.Millisecond}
	commit := pipeline.CommitStats{Topology: "a", Processor: "p", Records: 3, Inputs: []pipeline.InputStats{{Topic: "t", Oldest: time.Now()}},
		Written: []pipeline.TopicStats{{Topic: "o", Records: 3}}}
	for name, f := range map[string]func(){
		"Handled":   func() { h.Handled(handled) },
		"Committed": func() { h.Committed(commit) },
		"Emitted":   func() { h.Emitted(pipeline.EmitStats{Topic: "t"}) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHandled(b *testing.B) {
	h := metrics.New(metrics.Options{}).Hooks()
	s := pipeline.HandledStats{Topology: "a", Processor: "p", Topic: "t", Records: 256, Bytes: 9, Duration: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		h.Handled(s)
	}
}

func Example() {
	exporter := metrics.New(metrics.Options{NoRuntime: true})
	config := pipeline.Config{Brokers: []string{"127.0.0.1:9092"}, Metrics: exporter.Hooks()}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", exporter.Handler())
	_ = config // pipeline.Run(ctx, topology, config)

	config.Metrics.Emitted(pipeline.EmitStats{Topic: "words", Bytes: 11}) // as an emitter does
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "millrace_emitted_records_total") {
			_, _ = io.WriteString(os.Stdout, line)
		}
	}
	// Output: millrace_emitted_records_total{topic="words"} 1
}

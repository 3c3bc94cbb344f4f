// Package report prints what was measured: a line for each run, a table for
// each workload, and ratios for machines.
package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/measure"
)

// Report collects results.
type Report struct {
	command string
	runs    map[[2]string][]measure.Result // by workload and contender
	fails   map[[2]string]error
	order   [][2]string
}

// New returns an empty report of a command.
func New(command string) *Report {
	return &Report{command: command, runs: map[[2]string][]measure.Result{}, fails: map[[2]string]error{}}
}

// Add adds a run.
func (r *Report) Add(m measure.Result) {
	k := r.key(m.Workload, m.Contender)
	r.runs[k] = append(r.runs[k], m)
}

// Fail notes that a run failed.
func (r *Report) Fail(workload, contender string, err error) {
	r.fails[r.key(workload, contender)] = err
}

func (r *Report) key(workload, contender string) [2]string {
	k := [2]string{workload, contender}
	if !slices.Contains(r.order, k) {
		r.order = append(r.order, k)
	}
	return k
}

// Line prints one run.
func (r *Report) Line(w io.Writer, m measure.Result) {
	fmt.Fprintf(w, "%-14s %-18s %9.0f records/s  %6.2f CPU s/million  %6.2f wall s/million  %5d MiB", m.Workload, m.Contender,
		m.Rate(), m.CPUPerMillion(), m.WallPerMillion(), m.Peak>>20)
	if len(m.Latencies) > 0 {
		fmt.Fprintf(w, "  p50 %s p99 %s p999 %s", round(m.Percentile(0.5)), round(m.Percentile(0.99)), round(m.Percentile(0.999)))
	}
	if m.Want >= 0 && m.Outputs != m.Want {
		fmt.Fprintf(w, "  %d outputs, not %d", m.Outputs, m.Want)
	}
	fmt.Fprintln(w)
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// Ratios prints for each workload and measure what a contender costs for each
// unit that Millrace costs: above 1, Millrace is better. A contender is
// compared with Millrace under the same guarantee. Of several runs it is the
// middle one.
func (r *Report) Ratios(w io.Writer) {
	exactlyOnce := map[string]bool{}
	for _, c := range contender.All("") {
		exactlyOnce[c.Name] = c.ExactlyOnce
	}
	for _, k := range r.order {
		base := contender.Base(exactlyOnce[k[1]])
		if k[1] == contender.Base(false) {
			base = contender.Base(true) // what exactly-once costs
		}
		ours, theirs := r.runs[[2]string{k[0], base}], r.runs[k]
		if k[1] == base || len(ours) == 0 || len(theirs) == 0 {
			continue
		}
		o, _, _ := measure.Median(ours)
		t, _, _ := measure.Median(theirs)
		print := func(name string, theirs, ours float64) {
			if ours > 0 {
				fmt.Fprintf(w, "ratio %s %s %s/millrace %.2f\n", k[0], name, k[1], theirs/ours)
			}
		}
		print("cpu_s_per_million", t.CPUPerMillion(), o.CPUPerMillion())
		print("wall_s_per_million", t.WallPerMillion(), o.WallPerMillion())
		print("peak_rss", float64(t.Peak), float64(o.Peak))
		print("p99_ms", t.Percentile(0.99).Seconds()*1000, o.Percentile(0.99).Seconds()*1000)
	}
}

// Write writes results.md and a plot for each workload to a folder.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`, %s %s/%s, %d cores, %s\n\n", r.command, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().Format("2006-01-02"))
	for _, w := range r.workloads() {
		r.table(&b, w)
		name := w + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(r.plot(w)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&b, "![%s](%s)\n\n", w, name)
	}
	b.WriteString("```\n")
	r.Ratios(&b)
	b.WriteString("```\n")
	return os.WriteFile(filepath.Join(dir, "results.md"), []byte(b.String()), 0o644)
}

func (r *Report) workloads() (names []string) {
	for _, k := range r.order {
		if !slices.Contains(names, k[0]) {
			names = append(names, k[0])
		}
	}
	return names
}

// table writes a workload's table, as Markdown.
func (r *Report) table(b *strings.Builder, workload string) {
	fmt.Fprintf(b, "### %s\n\n", workload)
	b.WriteString("| contender | records/s | CPU s/million (least to most) | wall s/million | peak MiB | p50, p99, p999 | outputs |\n")
	b.WriteString("| --- | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, k := range r.order {
		if k[0] != workload {
			continue
		}
		if len(r.runs[k]) == 0 {
			fmt.Fprintf(b, "| %s | failed: %s | | | | | |\n", k[1], strings.SplitN(r.fails[k].Error(), "\n", 2)[0])
			continue
		}
		m, least, most := measure.Median(r.runs[k])
		latency, outputs := "", ""
		if len(m.Latencies) > 0 {
			latency = fmt.Sprintf("%s, %s, %s", round(m.Percentile(0.5)), round(m.Percentile(0.99)), round(m.Percentile(0.999)))
		}
		if m.Want >= 0 {
			outputs = fmt.Sprintf("%d of %d", m.Outputs, m.Want)
		}
		fmt.Fprintf(b, "| %s | %.0f | %.2f (%.2f to %.2f) | %.2f | %d | %s | %s |\n", k[1], m.Rate(), m.CPUPerMillion(), least, most,
			m.WallPerMillion(), m.Peak>>20, latency, outputs)
	}
	b.WriteString("\n")
}

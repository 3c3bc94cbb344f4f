// Package report prints what was measured: a line for each run, a table for
// each workload, and ratios for machines.
package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/bench/internal/measure"
)

// Report collects results.
type Report struct {
	command string
	env     Environment
	took    time.Duration
	missing []string
	heaps   map[[2]string]heap
	runs    map[[2]string][]measure.Result // by workload and contender
	fails   map[[2]string]error
	order   [][2]string
}

// heap is the smallest one that is enough.
type heap struct {
	size   string
	result measure.Result
}

// New returns an empty report of a command.
func New(command string, env Environment) *Report {
	return &Report{command: strings.TrimSpace(command), env: env, heaps: map[[2]string]heap{}, runs: map[[2]string][]measure.Result{}, fails: map[[2]string]error{}}
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

// Missing notes that a contender is left out.
func (r *Report) Missing(contender string, err error) {
	r.missing = append(r.missing, fmt.Sprintf("%s is left out: %s", contender, firstLine(err)))
}

// Heap notes the smallest heap with which a contender is about as fast as with
// the greatest, and what was measured with it.
func (r *Report) Heap(size string, m measure.Result) {
	r.heaps[[2]string{m.Workload, m.Contender}] = heap{size, m}
}

// Took notes how long all of it took.
func (r *Report) Took(d time.Duration) { r.took = d }

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
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
	if m.Cut() {
		fmt.Fprintf(w, "  stopped at %d of %d", m.Reached, m.Of)
	}
	if m.Want >= 0 && m.Outputs != m.Want {
		fmt.Fprintf(w, "  %d outputs, not %d", m.Outputs, m.Want)
	}
	fmt.Fprintln(w)
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// Write writes results.md and a plot for each workload to a folder.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	r.head(&b)
	for _, w := range r.workloads() {
		r.table(&b, w)
		name := w + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(r.plot(w)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&b, "![%s](%s)\n\n", w, name)
	}
	b.WriteString("## Ratios\n\nWhat each costs for what Millrace costs under the same guarantee: above 1 Millrace is better.\n\n")
	for _, m := range measures {
		plot := r.ratioPlot(m)
		if plot == "" {
			continue
		}
		name := "ratio-" + m + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(plot), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&b, "![%s](%s)\n\n", m, name)
	}
	b.WriteString("```\n")
	r.Ratios(&b)
	b.WriteString("```\n")
	return os.WriteFile(filepath.Join(dir, "results.md"), []byte(b.String()), 0o644)
}

// head writes what was measured, on what.
func (r *Report) head(b *strings.Builder) {
	fmt.Fprintf(b, "# Results of the benchmarks\n\nWhat the columns mean is in [benchmarks.md](../benchmarks.md).\n\n\t%s\n\n", r.command)
	fmt.Fprintf(b, "- date: %s, %v in all\n", r.env.Date.UTC().Format(time.DateOnly), r.took.Round(time.Second))
	fmt.Fprintf(b, "- versions: %s\n", strings.Join(r.env.Versions, ", "))
	fmt.Fprintf(b, "- machine, for the contender and three brokers together: %s\n", r.env.Machine)
	fmt.Fprintf(b, "- settings: %s\n", r.env.Settings)
	for _, m := range r.missing {
		fmt.Fprintf(b, "- %s\n", m)
	}
	b.WriteString("\n")
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
	fmt.Fprintf(b, "## %s\n\n", workload)
	b.WriteString("| contender | records/s | CPU s/million (least to most) | wall s/million | peak MiB | p50, p99, p999 | outputs |\n")
	b.WriteString("| --- | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, k := range r.order {
		if k[0] != workload {
			continue
		}
		if len(r.runs[k]) == 0 {
			fmt.Fprintf(b, "| %s | failed: %s | | | | | |\n", k[1], firstLine(r.fails[k]))
			continue
		}
		m, least, most := measure.Median(r.runs[k])
		latency, outputs := "", ""
		if len(m.Latencies) > 0 {
			latency = fmt.Sprintf("%s, %s, %s", round(m.Percentile(0.5)), round(m.Percentile(0.99)), round(m.Percentile(0.999)))
		}
		switch {
		case m.Cut():
			outputs = fmt.Sprintf("not counted: stopped at %d of %d", m.Reached, m.Of)
		case m.Want >= 0:
			outputs = fmt.Sprintf("%d of %d", m.Outputs, m.Want)
		}
		fmt.Fprintf(b, "| %s | %.0f | %.2f (%.2f to %.2f) | %.2f | %d | %s | %s |\n", k[1], m.Rate(), m.CPUPerMillion(), least, most,
			m.WallPerMillion(), m.Peak>>20, latency, outputs)
	}
	for _, k := range r.order {
		if h, ok := r.heaps[k]; ok && k[0] == workload {
			fmt.Fprintf(b, "\nThe smallest heap at which %s loses less than 5 %% of its throughput is %s. It makes %.0f records/s there with at most %d MiB, which the ratio of memory is of.\n",
				k[1], h.size, h.result.Rate(), h.result.Peak>>20)
		}
	}
	b.WriteString("\n")
}

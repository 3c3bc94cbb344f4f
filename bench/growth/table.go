package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/bench/internal/measure"
	"github.com/millrace/millrace/bench/internal/report"
)

// result is what a contender cost at a place.
type result struct {
	measure.Result
	axis      string
	place     place
	contender string
	err       error
}

func (r result) String() string {
	s := fmt.Sprintf("%-10s %6s  %-14s", r.axis, r.place.label, r.contender)
	if r.err != nil {
		return fmt.Sprintf("%s failed: %v", s, r.err)
	}
	s += fmt.Sprintf(" %9.0f records/s  %7.2f CPU s/million  %7.2f wall s/million  %5d MiB", r.Rate(), r.CPUPerMillion(), r.WallPerMillion(), r.Peak>>20)
	if r.Want >= 0 && r.Outputs != r.Want {
		s += fmt.Sprintf("  %d outputs, not %d", r.Outputs, r.Want)
	}
	return s
}

// write writes growth.md and a plot for each axis.
func write(dir, command string, env report.Environment, took time.Duration, axes []axis, results []result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# How the cost grows\n\nWhat the columns mean is in [benchmarks.md](../benchmarks.md).\n\n\t%s\n\n", command)
	fmt.Fprintf(&b, "- date: %s, %v in all\n- versions: %s\n- machine, for the contender and three brokers together: %s\n- settings: %s\n",
		env.Date.UTC().Format(time.DateOnly), took.Round(time.Second), strings.Join(env.Versions, ", "), env.Machine, env.Settings)
	for _, a := range axes {
		fmt.Fprintf(&b, "\n## %s\n\n| %s | contender | records/s | CPU s/million | wall s/million | peak MiB |\n| ---: | --- | ---: | ---: | ---: | ---: |\n", a.name, a.name)
		for _, r := range results {
			switch {
			case r.axis != a.name:
			case r.err != nil:
				line, _, _ := strings.Cut(r.err.Error(), "\n")
				fmt.Fprintf(&b, "| %s | %s | failed: %s | | | |\n", r.place.label, r.contender, line)
			default:
				fmt.Fprintf(&b, "| %s | %s | %.0f | %.2f | %.2f | %d |\n", r.place.label, r.contender, r.Rate(), r.CPUPerMillion(), r.WallPerMillion(), r.Peak>>20)
			}
		}
		name := "growth-" + a.name + ".svg"
		fmt.Fprintf(&b, "\n![%s](%s)\n", a.title, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(report.Lines(a.title, series(a.name, results))), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "growth.md"), []byte(b.String()), 0o644)
}

// series are the lines of an axis, one for each contender.
func series(axis string, results []result) (all []report.Series) {
	for _, r := range results {
		if r.axis != axis || r.err != nil {
			continue
		}
		i := slices.IndexFunc(all, func(s report.Series) bool { return s.Name == r.contender })
		if i < 0 {
			i, all = len(all), append(all, report.Series{Name: r.contender, Ours: strings.HasPrefix(r.contender, "millrace")})
		}
		all[i].Points = append(all[i].Points, report.Point{X: r.place.x, Y: r.CPUPerMillion(), Label: r.place.label})
	}
	return all
}

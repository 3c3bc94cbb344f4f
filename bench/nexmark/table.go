package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace/bench/internal/report"
	"github.com/millrace/millrace/bench/nexmark/auction"
)

// table is what was measured, as docs/nexmark.md has it.
type table struct {
	env  report.Environment
	rows []row
}

type row struct {
	query   auction.Query
	results map[string]result // by contender
}

func newTable(ctx context.Context, root string, o options) *table {
	return &table{env: report.Look(ctx, root, fmt.Sprintf("%d events, of which the first %d warm; %d partitions; commit every %v; heap of the JVM %s",
		o.events, o.warm, o.partitions, o.commit, o.heap))}
}

func (t *table) add(q auction.Query, contender string, r result) {
	if n := len(t.rows); n == 0 || t.rows[n-1].query.Name != q.Name {
		t.rows = append(t.rows, row{q, map[string]result{}})
	}
	t.rows[len(t.rows)-1].results[contender] = r
}

// String is in Markdown.
func (t *table) String() string {
	var b strings.Builder
	var versions []string
	for _, v := range t.env.Versions {
		for _, of := range []string{"Millrace", "Go ", "Java", "Kafka", "franz-go"} {
			if strings.HasPrefix(v, of) {
				versions = append(versions, v)
			}
		}
	}
	fmt.Fprintf(&b, "%s: %s.\n%s.\n%s.\n\n", t.env.Date.UTC().Format(time.DateOnly), strings.Join(versions, ", "), t.env.Machine, t.env.Settings)
	b.WriteString("| query | Millrace: CPU s/M | events/s | outputs | Kafka Streams: CPU s/M | events/s | outputs | warm-up | CPU, Kafka Streams / Millrace |\n" +
		"| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, r := range t.rows {
		m, haveM := r.results[millrace]
		s, haveS := r.results[streams]
		fmt.Fprintf(&b, "| %s | %s | %s | ", r.query.Name, cells(m, haveM), cells(s, haveS))
		if haveS {
			fmt.Fprintf(&b, "%.0f s | ", s.warming.Seconds())
		} else {
			b.WriteString("- | ")
		}
		if haveM && haveS && m.cpu > 0 {
			fmt.Fprintf(&b, "%.1f |\n", s.perMillion()/m.perMillion())
		} else {
			b.WriteString("- |\n")
		}
	}
	return b.String()
}

func cells(r result, have bool) string {
	if !have {
		return "- | - | -"
	}
	return fmt.Sprintf("%.2f | %.0f | %d", r.perMillion(), r.rate(), r.outputs)
}

// The lines of a file between which the figures are.
const begin, end = "<!-- figures of make bench-nexmark -->\n\n", "\n<!-- end of the figures -->"

// into replaces the figures in a file.
func (t *table) into(path string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(begin))
	_, after, too := bytes.Cut(rest, []byte(end))
	if !ok || !too {
		return fmt.Errorf("%s has no lines %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, fmt.Appendf(nil, "%s%s%s%s%s", before, begin, t, end, after), 0o644)
}

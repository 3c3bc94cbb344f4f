package dashboard_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline/metrics"
	"github.com/millrace/millrace/pipeline/metrics/dashboard"
)

var update = flag.Bool("update", false, "write the dashboard's file anew")

const path = "../../../docs/deploy/grafana/millrace.json"

var name = regexp.MustCompile(`millrace_[a-z_]+`)

// Every metric that the dashboard asks for is exported with the labels that it
// names, and every exported one is drawn.
func TestDashboard(t *testing.T) {
	b, err := dashboard.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, b) {
		t.Errorf("%s is not what the code makes (%v); run the test with -update", path, err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, W int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	exported := map[string]metrics.Metric{}
	for _, m := range metrics.Metrics() {
		exported[m.Name] = m
		if m.Type == metrics.Histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				exported[m.Name+suffix] = m
			}
		}
	}
	drawn, ids := map[string]bool{}, map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: id %d is used twice, or it does not fit", p.Title, p.ID)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			if strings.Count(q.Expr, "(") != strings.Count(q.Expr, ")") || strings.Contains(q.Expr, "{}") {
				t.Errorf("panel %q: %s", p.Title, q.Expr)
			}
			names := name.FindAllString(q.Expr, -1)
			if len(names) == 0 {
				t.Errorf("panel %q asks for no metric: %s", p.Title, q.Expr)
			}
			for _, n := range names {
				m, ok := exported[n]
				if !ok {
					t.Errorf("panel %q asks for %s, which is not exported", p.Title, n)
				}
				drawn[m.Name] = true
				for _, label := range labels(q.Expr, q.LegendFormat) {
					if label != "le" && !strings.Contains(" "+strings.Join(m.Labels, " ")+" ", " "+label+" ") {
						t.Errorf("panel %q: %s has no label %s", p.Title, n, label)
					}
				}
			}
		}
	}
	for _, m := range metrics.Metrics() {
		if !drawn[m.Name] {
			t.Errorf("%s is not drawn", m.Name)
		}
	}
}

var by, selector, legend = regexp.MustCompile(`by \(([^)]*)\)`), regexp.MustCompile(`([a-z]+)(?:=|!=|=~)"`), regexp.MustCompile(`{{([a-z]+)}}`)

// labels lists the labels that a query names.
func labels(expr, format string) (all []string) {
	for _, m := range by.FindAllStringSubmatch(expr, -1) {
		all = append(all, strings.Split(strings.ReplaceAll(m[1], " ", ""), ",")...)
	}
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		all = append(all, m[1])
	}
	for _, m := range legend.FindAllStringSubmatch(format, -1) {
		all = append(all, m[1])
	}
	return all
}

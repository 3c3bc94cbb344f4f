package run

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dashboard returns the metrics that the dashboard of the feeds asks for.
func dashboard(t *testing.T) (names []string) {
	t.Helper()
	b, err := os.ReadFile("../../../../docs/deploy/grafana/feeds.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, W int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, p := range board.Panels {
		if slices.Contains(ids, p.ID) || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: id %d is used twice, or it does not fit", p.Title, p.ID)
		}
		ids = append(ids, p.ID)
		for _, q := range p.Targets {
			found := regexp.MustCompile(`(?:millrace|rss_articles)_[a-z_]+`).FindAllString(q.Expr, -1)
			if len(found) == 0 || strings.Count(q.Expr, "(") != strings.Count(q.Expr, ")") {
				t.Errorf("panel %q asks for nothing: %s", p.Title, q.Expr)
			}
			names = append(names, found...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkDashboard waits until what the dashboard asks for is exported by one of
// the processes, and checks that nothing of ours is left out.
func checkDashboard(t *testing.T, urls []string) {
	t.Helper()
	names := dashboard(t)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for {
		all := ""
		for _, url := range urls {
			all += get(t, url+"/metrics")
		}
		missing := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.Contains(all, "\n"+n+"{") || strings.Contains(all, "\n"+n+" ") })
		if len(missing) == 0 {
			for _, m := range regexp.MustCompile(`(?m)^# TYPE (rss_articles_\S+)`).FindAllStringSubmatch(all, -1) {
				if !slices.Contains(names, m[1]) {
					t.Errorf("%s is not drawn", m[1])
				}
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the dashboard asks for what is not exported: %q", missing)
		}
	}
}

package stages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// The state is that of the window and the retention: in a stream that goes on as
// it did, no table grows.
func TestStateIsBounded(t *testing.T) {
	d := pipelinetest.New(t, topology.With(stages.Options{Window: 2 * time.Hour, Retention: 12 * time.Hour}))
	d.Send(reader("r", "common"))
	tables := []string{"dedupe.stories", "dedupe.ages", "bands.entries", "bands.ages", "articles", "catalog.places", "catalog.ages",
		"index.articles", "relate.samples", "relate.slots", "match.vectors", "match.articles", "match.terms", "notify.vectors",
		"notify.waiting", "notify.ages", "shelve.candidates", "shelve.ages", "shelve.counts"}
	rows := func() map[string]int {
		n := map[string]int{}
		for _, name := range tables {
			n[name] = len(pipelinetest.Rows(d, pipeline.NewTable(name, codec.Raw())))
		}
		return n
	}
	minute := 0
	day := func() {
		var items []pipeline.Record
		for range 24 * 4 {
			words := []string{"common"}
			for w := range 12 {
				words = append(words, fmt.Sprintf("m%dw%dx", minute, w))
			}
			title, text := strings.Join(words, " "), "" // of its own
			items = append(items, item("a", fmt.Sprintf("https://a.example/%d", minute), title, text, minute))
			if minute%30 == 0 { // a copy
				items = append(items, item("b", fmt.Sprintf("https://b.example/%d", minute), title, text, minute+1))
			}
			minute += 15
		}
		d.Pipe(items...)
	}
	day()
	day()
	before := rows()
	for range 3 {
		day()
	}
	after := rows()
	for _, name := range slices.Sorted(slices.Values(tables)) {
		if n, m := before[name], after[name]; m > n+n/5+4 {
			t.Errorf("table %s has %d rows, and three days later %d", name, n, m)
		}
	}
	if before["bands.entries"] == 0 || before["articles"] < 40 || before["shelve.candidates"] < 40 {
		t.Errorf("rows: %v", before)
	}
}

// A reader for whom there is much has no more state than the bounds say, whatever
// the retention is.
func TestReadersStateIsBounded(t *testing.T) {
	d := driver(t)
	d.Send(reader("r", "common"))
	var items []pipeline.Record
	for i := range 1200 {
		items = append(items, item("a", fmt.Sprintf("https://a.example/%d", i), fmt.Sprintf("common m%dx w%dx v%dx", i, i, i), "", i))
	}
	d.Pipe(items...)
	rows := func(name string) int { return len(pipelinetest.Rows(d, pipeline.NewTable(name, codec.Raw()))) }
	candidates, ages := rows("shelve.candidates"), rows("shelve.ages")
	if candidates < stages.MaxCandidates || candidates > 2*stages.MaxCandidates || ages > candidates+8 {
		t.Errorf("%d candidates of 1,200 are left, and %d times to forget them", candidates, ages)
	}
}

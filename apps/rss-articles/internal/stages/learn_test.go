package stages_test

import (
	"maps"
	"sync"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Clicks that nobody can learn from are counted, and change nothing.
func TestIgnoredClicks(t *testing.T) {
	var mu sync.Mutex
	got := map[stages.Reason]int{}
	d := pipelinetest.New(t, topology.With(stages.Options{Ignored: func(r stages.Reason) {
		mu.Lock()
		defer mu.Unlock()
		got[r]++
	}}), fourPartitions)
	d.Send(reader("r", "interest rates"), item("a", "https://a.example/bank", bank, bank2, 0))
	before := pipelinetest.Rows(d, stages.Profiles)["r"]
	d.Send(
		click("nobody", "https://a.example/bank", topics.ClickUp, 1),
		click("nobody", "https://a.example/none", topics.ClickOpen, 2),
		click("r", "https://a.example/none", topics.ClickUp, 3),
	)
	mu.Lock()
	defer mu.Unlock()
	if want := map[stages.Reason]int{stages.UnknownReader: 2, stages.UnknownArticle: 1}; !maps.Equal(got, want) {
		t.Errorf("ignored %v, want %v", got, want)
	}
	if after := pipelinetest.Rows(d, stages.Profiles); len(after) != 1 || len(after["r"].Wants()) != len(before.Wants()) {
		t.Errorf("profiles %v, want %v of r alone", after, before)
	}
	if failed := pipelinetest.Read(d, topics.Failed); len(failed) != 0 {
		t.Errorf("dead letters %v", failed)
	}
}

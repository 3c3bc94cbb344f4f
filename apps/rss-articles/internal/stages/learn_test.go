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

// A click that comes before its reader, or before its article, counts once both
// are there: when the reader changes or clicks again. What waits too long is
// forgotten.
func TestEarlyClicks(t *testing.T) {
	d := driver(t)
	d.Send(click("r", "https://a.example/bank", topics.ClickUp, 1), click("r", "https://a.example/goal", topics.ClickUp, 2))
	if n := len(pipelinetest.Rows(d, stages.Profiles)); n != 0 {
		t.Fatalf("%d profiles of readers who are not there", n)
	}
	d.Send(item("a", "https://a.example/bank", bank, bank2, 3), reader("r"))
	clicked := func() int { return len(pipelinetest.Rows(d, stages.Profiles)["r"].Clicked) }
	if clicked() != 1 {
		t.Errorf("%d clicks count after the reader came, want 1", clicked())
	}
	d.Send(item("a", "https://a.example/goal", goal, goal2, 4), click("r", "https://a.example/bank", topics.ClickOpen, 5))
	if clicked() != 2 {
		t.Errorf("%d clicks count after the reader clicked again, want 2", clicked())
	}

	day := 24 * 60
	d.Send(click("s", "https://a.example/bank", topics.ClickUp, 10), click("s", "https://a.example/bank", topics.ClickUp, 4*day),
		click("s", "https://a.example/goal", topics.ClickUp, 9*day), reader("s"))
	if n := len(pipelinetest.Rows(d, stages.Profiles)["s"].Clicked); n != 1 {
		t.Errorf("%d clicks count, want the one that is not too old", n)
	}
}

package stages_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// An article that is found by a rare term counts by its common ones too, though so
// many newer articles have these that it is in their lists no more.
func TestCommonTermsOfOldArticlesCount(t *testing.T) {
	o := stages.Options{}
	d := pipelinetest.New(t, pipeline.New("described").From(topics.Articles, topics.Readers, topics.Clicks, stages.Vectors, stages.Pointed).
		Add(stages.Index(o), stages.Learn(o), stages.Match(o), stages.Shelve(o)).
		To(topics.Failed, topics.Recommendations, stages.Samples, stages.Missing), fourPartitions)
	row := func(n int, text string) pipeline.Record {
		at := start.Add(time.Duration(n) * time.Second)
		a := clean.Article{ID: fmt.Sprintf("a%04d", n), Hash: text, Title: text, Published: start}
		return topics.Articles.Row(a.ID, topics.Entry{Article: a, FirstSeen: start}).At(at)
	}
	d.Pipe(row(0, "quagga harbour zebra"), row(1, "tapir okapi zebra"), row(2, "lemur harbour zebra"))
	var list []pipeline.Record
	for n := range 2 * stages.MaxPostings {
		list = append(list, row(10+2*n, fmt.Sprintf("harbour m%dx", n)), row(11+2*n, fmt.Sprintf("meadow k%dx", n)))
	}
	d.Pipe(list...)

	// A declared interest in both words needs both.
	d.Pipe(reader("declares", "harbour zebra", "zebra okapi"))
	items := pipelinetest.Rows(d, topics.Recommendations)["declares"].Items
	got := map[string]bool{}
	for _, i := range items {
		got[i.Article] = true
	}
	if len(got) != 3 || !got["a0000"] || !got["a0001"] || !got["a0002"] {
		t.Errorf("on the shelf of who declares both: %+v", items)
	}

	d.Pipe(reader("clicks"))
	d.Pipe(topics.Clicks.Record("clicks", topics.Click{Reader: "clicks", Article: "a0002", Kind: topics.ClickUp, At: at(60)}).At(at(60)))
	check := func(when string) {
		t.Helper()
		items := pipelinetest.Rows(d, topics.Recommendations)["clicks"].Items
		score := map[string]float64{}
		for _, i := range items {
			score[i.Article] = i.Score
		}
		if score["a0000"] <= score["a0001"] || score["a0001"] == 0 {
			t.Errorf("%s: %v with both terms, %v with the rare one", when, score["a0000"], score["a0001"])
		}
	}
	check("after the click")
	d.Restart()
	d.Pipe(row(0, "quagga harbour zebra again")) // a change is scored like the rest
	check("after the article changed")
	d.Pipe(row(0, "quagga zebra again"))
	items = pipelinetest.Rows(d, topics.Recommendations)["clicks"].Items
	for _, i := range items {
		for _, r := range i.Reasons {
			if i.Article == "a0000" && r.Term == "harbour" {
				t.Errorf("a reason that the article does not have any more: %+v", i)
			}
		}
	}
	d.Pipe(topics.Articles.Deleted("a0001"))
	if rows := pipelinetest.Rows(d, stages.Descriptions); rows["a0001"] != "" || rows["a0000"] != match.Describe(match.Terms(clean.Article{Title: "quagga zebra again"})) {
		t.Errorf("descriptions: %q, %q", rows["a0001"], rows["a0000"])
	}
}

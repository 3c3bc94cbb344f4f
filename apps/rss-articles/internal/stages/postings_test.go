package stages_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// An article that changes counts once for how rare its terms are, also when a
// term has so many newer ones that the article was dropped from its list.
func TestChangedArticleCountsOnce(t *testing.T) {
	const articles = 2 * stages.MaxPostings
	o := stages.Options{}
	d := pipelinetest.New(t, pipeline.New("postings").From(topics.Articles, stages.Wanted).
		Add(stages.Index(o), stages.Match(o)).To(topics.Failed, stages.Samples, stages.Parts, stages.Descriptions), fourPartitions)
	row := func(n int, text string) pipeline.Record {
		at := start.Add(time.Duration(n) * time.Second)
		a := clean.Article{ID: fmt.Sprintf("a%04d", n), Hash: text, Title: text, Published: at}
		return topics.Articles.Row(a.ID, topics.Entry{Article: a, FirstSeen: at}).At(at)
	}
	check := func(when string, want int64) {
		t.Helper()
		count := pipelinetest.Rows(d, pipeline.NewTable("match.terms", codec.JSON[stages.TermCount]()))["harbour"]
		if count.Articles != want || count.Kept < stages.MaxPostings || count.Kept > stages.MaxPostings*5/4 {
			t.Errorf("%s: %+v, want %d articles", when, count, want)
		}
	}
	var list []pipeline.Record
	for n := range articles {
		list = append(list, row(n, "harbour"))
	}
	d.Pipe(list...)
	check("at first", articles)
	d.Pipe(row(0, "harbour opened"), row(1, "harbour closed"), row(articles-1, "harbour dredged"))
	check("after three changed", articles)
	d.Pipe(row(0, "opened"))
	check("after one lost the term", articles-1)
	d.Pipe(row(0, "harbour opened"))
	check("after it has it again", articles)
}

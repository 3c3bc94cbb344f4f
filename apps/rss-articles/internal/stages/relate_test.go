package stages_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Each article gets a vector, and of two articles that have one word in common
// with what a reader liked, the one on the same matter comes first.
func TestSimilarArticlesComeFirst(t *testing.T) {
	d := driver(t)
	r := rand.New(rand.NewPCG(1, 1))
	// words are made up, so that no two of them have a stem in common.
	words := func(matter string, n int) string {
		var out []string
		for range n {
			out = append(out, fmt.Sprintf("%s%dx", matter, r.IntN(60)))
		}
		return strings.Join(out, " ")
	}
	d.Send(reader("r"))
	for i := range 160 {
		d.Pipe(item("a", fmt.Sprintf("https://a.example/%d", i), words([]string{"sea", "sky"}[i%2], 12), "", i))
	}
	vectors := pipelinetest.Rows(d, stages.Vectors)
	if len(vectors) < 150 {
		t.Fatalf("%d articles have vectors, of 160", len(vectors))
	}
	d.Send(item("a", "https://a.example/liked", "common "+words("sea", 12), "", 200))
	d.Send(click("r", "https://a.example/liked", topics.ClickUp, 201))
	d.Send(item("a", "https://a.example/sky", "common "+words("sky", 12), "", 202),
		item("a", "https://a.example/sea", "common "+words("sea", 12), "", 202))
	items := pipelinetest.Rows(d, topics.Recommendations)["r"].Items
	at := func(link string) int {
		return slices.IndexFunc(items, func(i topics.Recommendation) bool { return i.Article == id(link) })
	}
	sea, sky := at("https://a.example/sea"), at("https://a.example/sky")
	if sea < 0 || sky >= 0 && sky < sea {
		t.Fatalf("the article on the same matter is at %d, the other at %d", sea, sky)
	}
	if !slices.ContainsFunc(items[sea].Reasons, func(r topics.Reason) bool { return r.Term == match.Similar && r.Score > 0 }) {
		t.Errorf("reasons: %+v", items[sea].Reasons)
	}
}

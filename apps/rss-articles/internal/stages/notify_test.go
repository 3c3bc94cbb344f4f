package stages_test

import (
	"slices"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// An article whose terms come before its vector is scored anew when that comes,
// whatever else the reader does.
func TestVectorComesLate(t *testing.T) {
	o := stages.Options{}
	d := pipelinetest.New(t, pipeline.New("late").From(stages.Parts, stages.Profiles, stages.Vectors, stages.Descriptions).
		Add(stages.Notify(o), stages.Shelve(o)).To(topics.Failed, topics.Recommendations), fourPartitions)
	vector := make(latent.Vector, latent.Dimensions)
	vector[3] = 100
	d.Send(stages.Vectors.Row("liked", vector))
	d.Send(stages.Profiles.Row("r", match.Profile{Learned: map[string]match.Learned{"sea": {Weight: 1, Liked: 1}}, Scale: 1, Force: 1,
		Clicked: map[string]match.Clicked{"liked": {Gain: 1, At: start}}, At: start}).At(start))
	part := func(id string) pipeline.Record {
		return stages.Parts.Record("r", stages.Part{Article: match.Article{ID: id, Title: id, Published: start}, Term: "sea",
			Partial: match.Partial{Value: 0.5}, Rarity: 0.5}).At(start)
	}
	score := func(id string) (score float64, similar bool) {
		t.Helper()
		items := pipelinetest.Rows(d, topics.Recommendations)["r"].Items
		i := slices.IndexFunc(items, func(i topics.Recommendation) bool { return i.Article == id })
		if i < 0 {
			t.Fatalf("%s is not on the shelf: %+v", id, items)
		}
		return items[i].Score, slices.ContainsFunc(items[i].Reasons, func(r topics.Reason) bool { return r.Term == match.Similar })
	}
	waiting := pipeline.NewTable("notify.waiting", codec.Int64())

	d.Send(part("early"), part("never"), part("never"))
	before, similar := score("early")
	if similar || len(pipelinetest.Rows(d, waiting)) != 2 {
		t.Fatalf("without a vector: score %v, similar %v, waiting %v", before, similar, pipelinetest.Rows(d, waiting))
	}
	d.Send(stages.Vectors.Row("early", vector))
	after, similar := score("early")
	if !similar || after <= before {
		t.Errorf("with a vector: score %v, before %v, similar %v", after, before, similar)
	}
	d.Send(stages.Vectors.Row("first", vector), part("first"))
	if got, similar := score("first"); got != after || !similar {
		t.Errorf("with a vector that was there before: score %v, want %v, similar %v", got, after, similar)
	}
	d.Send(stages.Vectors.Deleted("never")) // the article is gone
	if rows := pipelinetest.Rows(d, waiting); len(rows) != 0 {
		t.Errorf("waiting for what will not come: %v", rows)
	}
	d.Crash()
	d.Send(stages.Vectors.Row("early", vector), part("early"))
	if got, _ := score("early"); got != after {
		t.Errorf("after a crash and all again: score %v, want %v", got, after)
	}
}

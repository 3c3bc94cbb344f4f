package match_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// What points the same way counts the less, the more the articles that were liked
// have terms in common, whenever they were clicked.
func TestKinshipFallsWithAgreement(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// similar is what the reason counts, of a profile of six clicks on articles of
	// which each has some of four terms in common with the others.
	similar := func(common int, apart time.Duration, kinds ...topics.ClickKind) float64 {
		t.Helper()
		p := match.Profile{}
		for i := range 6 {
			var terms []match.Term
			for w := range 4 {
				key := fmt.Sprintf("own%d-%d", i, w)
				if w < common {
					key = fmt.Sprintf("common%d", w)
				}
				terms = append(terms, match.Term{Key: key, Value: 0.5})
			}
			p = p.Learn(topics.Click{Article: fmt.Sprint(i), Kind: kinds[i%len(kinds)], At: began.Add(time.Duration(i) * apart)}, terms)
		}
		c := match.Candidate{Article: match.Article{ID: "new"}, Parts: map[string]match.Partial{"own5-3": {Value: 0.5}, "common0": {Value: 0.5}}}
		_, reasons := match.Score(p, c, map[string]float64{"own5-3": 1, "common0": 1}, 1)
		for _, r := range reasons {
			if r.Term == match.Similar {
				return r.Score / p.Force
			}
		}
		t.Fatalf("no reason %q in %+v", match.Similar, reasons)
		return 0
	}
	for _, apart := range []time.Duration{0, -time.Hour, 40 * 24 * time.Hour} {
		none, one, two := similar(0, apart, topics.ClickOpen), similar(1, apart, topics.ClickOpen), similar(2, apart, topics.ClickUp)
		if none < 0.29 || one > none*0.2 || two > one*0.2 {
			t.Errorf("clicks %v apart: %v with nothing in common, %v with a fourth, %v with a half", apart, none, one, two)
		}
	}
	// As many clicks against as for say nothing of how alike they are.
	if got := similar(1, time.Hour, topics.ClickDown, topics.ClickUp); got < 0.29 {
		t.Errorf("with judgements of both kinds: %v", got)
	}
}

// The same clicks in another order, and clicks that are taken back, leave the sums
// that agreement goes by as they would be.
func TestAgreementOfChangedClicks(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	click := func(article string, kind topics.ClickKind, minute int) topics.Click {
		return topics.Click{Article: article, Kind: kind, At: began.Add(time.Duration(minute) * time.Minute)}
	}
	learn := func(clicks ...topics.Click) match.Profile {
		p := match.Profile{}
		for _, c := range clicks {
			p = p.Learn(c, []match.Term{{Key: c.Article, Value: 1}})
		}
		return p
	}
	near := func(a, b float64) bool { return a-b < 1e-3 && b-a < 1e-3 }
	want := learn(click("a", topics.ClickUp, 2), click("b", topics.ClickOpen, 3))
	for what, got := range map[string]match.Profile{
		"another order":        learn(click("b", topics.ClickOpen, 3), click("a", topics.ClickUp, 2)),
		"judged after opening": learn(click("a", topics.ClickOpen, 1), click("a", topics.ClickUp, 2), click("b", topics.ClickOpen, 3)),
		"judged twice":         learn(click("a", topics.ClickDown, 1), click("a", topics.ClickUp, 2), click("b", topics.ClickOpen, 3)),
		"one came again":       learn(click("a", topics.ClickUp, 2), click("a", topics.ClickUp, 2), click("b", topics.ClickOpen, 3)),
	} {
		if !near(got.Gains, want.Gains) || !near(got.Squares, want.Squares) || !near(want.Gains, 3) || !near(want.Squares, 5) {
			t.Errorf("%s: sums %v and %v, want %v and %v", what, got.Gains, got.Squares, want.Gains, want.Squares)
		}
	}
}

package match_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestTermsAreBounded(t *testing.T) {
	a := clean.Article{Title: "Rivers rise", Text: strings.Repeat("river ", 50), Feed: "f", FeedTitle: "F"}
	for i := range 500 {
		a.Text += fmt.Sprintf("word%d ", i)
		a.Tags = append(a.Tags, fmt.Sprintf("Tag  %d\x00", i))
	}
	terms := match.Terms(a)
	if len(terms) != match.MaxTerms+8+1 || terms[0].Key != "river" || terms[0].Label != "rivers" {
		t.Errorf("%d terms, the first %+v", len(terms), terms[0])
	}
	norm := 0.0
	for _, term := range terms {
		if strings.Contains(term.Key, "\x00") || len(term.Key) > 200 || len(term.Next) > 6 {
			t.Errorf("bad term %+v", term)
		}
		if !strings.Contains(term.Key, ":") {
			norm += term.Value * term.Value
		}
	}
	if norm < 0.99 || norm > 1.01 {
		t.Errorf("the words' values have a norm of %v", norm)
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string][]match.Part{
		"Elections":          {{Key: "elect"}},
		"climate change":     {{Key: "climat"}, {Key: "chang"}},
		`"climate change"`:   {{Key: "climat", Next: "chang"}},
		"人工智能":               {{Key: "人工", Next: "工智"}, {Key: "工智", Next: "智能"}},
		"tag: World  News":   {{Key: "tag:world news"}},
		"feed:https://x.org": {{Key: "feed:https://x.org"}},
		"the":                nil, "": nil, "tag:": nil, "feed: ": nil, `""`: nil,
	} {
		var got []match.Part
		for _, w := range match.Parse([]topics.Interest{{Text: in}}, nil) {
			got = w.Parts
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("climate change", 1.0)
	f.Add(`"人工智能 x"`, -1e300)
	f.Add("tag:\x00", 0.0)
	f.Fuzz(func(t *testing.T, s string, weight float64) {
		for _, w := range match.Parse([]topics.Interest{{Text: s, Weight: weight}}, nil) {
			if len(w.Parts) == 0 || len(w.Parts) > 12 || w.Weight == 0 || w.Weight > 100 || w.Weight < -100 {
				t.Fatalf("%+v", w)
			}
			for _, p := range w.Parts {
				if p.Key == "" || strings.Contains(p.Key, "\x00") {
					t.Fatalf("part %+v", p)
				}
			}
		}
	})
}

// What was learned fades, the same click counts once, and the order of clicks
// does not matter.
func TestLearn(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	x, y := []match.Term{{Key: "x", Value: 1}}, []match.Term{{Key: "y", Value: 1}}
	a := topics.Click{Article: "a", Kind: topics.ClickOpen, At: at}
	b := topics.Click{Article: "b", Kind: topics.ClickUp, At: at.Add(match.HalfLife)}
	p := match.Profile{}.Learn(a, x).Learn(b, y)
	if p.Learned["x"].Weight != 0.5 || p.Learned["y"].Weight != 2 {
		t.Errorf("learned %v", p.Learned)
	}
	if again := p.Learn(a, x).Learn(b, y); !reflect.DeepEqual(again, p) {
		t.Errorf("clicks that came twice count twice: %+v", again)
	}
	if other := (match.Profile{}).Learn(b, y).Learn(a, x); !reflect.DeepEqual(other.Learned, p.Learned) {
		t.Errorf("the other way round: %v", other.Learned)
	}
	down := topics.Click{Article: "b", Kind: topics.ClickDown, At: b.At.Add(time.Second)}
	if w := p.Learn(down, y).Learned["y"].Weight; w > -1.99 || w < -2.01 {
		t.Errorf("a judgement that was changed weighs %v, want -2", w)
	}
}

func TestRarity(t *testing.T) {
	last := 2.0
	for _, df := range []int64{0, 1, 10, 100, 1000, 5000} {
		r := match.Rarity(df, 1000)
		if r > last || r < 0 || r > 1 {
			t.Errorf("rarity of %d in 1000 is %v, of fewer %v", df, r, last)
		}
		last = r
	}
}

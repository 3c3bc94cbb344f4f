package match_test

import (
	"reflect"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
)

// A description fills in the terms that no part came for, of those that are wanted.
func TestFill(t *testing.T) {
	d := match.Describe([]match.Term{
		{Key: "river", Label: "rivers", Value: 0.5432, Next: []string{"bank", "bed"}},
		{Key: "bank", Value: 1},
		{Key: "tag:ärger", Value: 0.0001},
	})
	c := match.Candidate{Article: match.Article{ID: "a"}, Parts: map[string]match.Partial{"bank": {Value: 0.25}}}
	got := c.Fill(d, map[string]float64{"river": 0.5, "bank": 0.5, "tag:ärger": 1, "sea": 1})
	want := map[string]match.Partial{"river": {Value: 0.5432, Next: []string{"bank", "bed"}}, "bank": {Value: 0.25}, "tag:ärger": {Value: 0.0001}}
	if got.ID != "a" || !reflect.DeepEqual(got.Parts, want) {
		t.Errorf("%+v, want %+v", got.Parts, want)
	}
	if len(c.Parts) != 1 {
		t.Errorf("the receiver has changed: %+v", c.Parts)
	}
	if got := c.Fill(d, map[string]float64{"bank": 0.5}); !reflect.DeepEqual(got, c) {
		t.Errorf("with nothing to fill in: %+v", got)
	}
}

// What is damaged gives what comes before, and never panics.
func FuzzFill(f *testing.F) {
	f.Add(string(match.Describe([]match.Term{{Key: "a", Value: 1, Next: []string{"b"}}, {Key: "b", Value: 0.5}})))
	f.Add("\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Add("\x05a")
	f.Fuzz(func(t *testing.T, d string) {
		c := match.Candidate{}.Fill(match.Description(d), map[string]float64{"a": 1, "b": 1, "": 1})
		if len(c.Parts) > 3 {
			t.Errorf("%d parts of three wanted terms", len(c.Parts))
		}
	})
}

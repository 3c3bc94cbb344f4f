package neardup_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
)

// article is a drawn article with its sketch.
type article struct {
	rank   neardup.Rank
	sketch neardup.Sketch
	bands  []string
}

var vocabulary = strings.Fields(`river bank water minister budget vote storm harbour
	rescue market shares profit rocket launch orbit vaccine trial doctor school teacher
	strike union wage court judge appeal match goal final film actor prize island volcano`)

// drawArticles draws stories and, for each, articles that are near-copies: some
// words of a long text replaced, so that not all of a story are mutually alike.
func drawArticles(t *rapid.T, edits int) []article {
	sketcher := neardup.NewSketcher()
	var out []article
	for story := range rapid.IntRange(1, 4).Draw(t, "stories") {
		base := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 50, 60).Draw(t, "text")
		for range rapid.IntRange(1, 5).Draw(t, "copies") {
			words := slices.Clone(base)
			for range rapid.IntRange(0, edits).Draw(t, "edits") {
				words[rapid.IntRange(0, len(words)-1).Draw(t, "at")] = rapid.SampledFrom(vocabulary).Draw(t, "word")
			}
			a := article{rank: neardup.Rank{
				At: int64(rapid.IntRange(0, 1000).Draw(t, "seen")),
				ID: fmt.Sprintf("%d-%d", story, len(out)),
			}}
			a.sketch, a.bands = sketcher.Sketch(neardup.Document{Text: strings.Join(words, " ")})
			out = append(out, a)
		}
	}
	return out
}

// run delivers the articles' probes, and the answers to them, in a drawn order:
// any order between bands and within one, with some messages delivered twice.
// It returns the last decision on each article and how many there were.
func run(t *rapid.T, articles []article, w neardup.Window) (map[string]neardup.Decision, map[string]int) {
	type message struct {
		key    string
		probe  *neardup.Probe
		answer *neardup.Answer
	}
	var queue []message
	for _, a := range articles {
		for i, p := range neardup.Probes(a.rank, a.sketch, a.bands) {
			queue = append(queue, message{key: a.bands[i], probe: &p})
		}
	}
	bands, verdicts := map[string]neardup.BandState{}, map[string]neardup.Verdict{}
	last, count := map[string]neardup.Decision{}, map[string]int{}
	for step := 0; len(queue) > 0; step++ {
		i := rapid.IntRange(0, len(queue)-1).Draw(t, "next")
		m := queue[i]
		if step > 500 || rapid.IntRange(0, 9).Draw(t, "again") > 0 {
			queue = slices.Delete(queue, i, i+1)
		}
		if m.probe != nil {
			before := clone(t, bands[m.key])
			next, answers := bands[m.key].Add(*m.probe, w)
			if !reflect.DeepEqual(before, clone(t, bands[m.key])) {
				t.Fatalf("Add changed the state that it was given")
			}
			bands[m.key] = next
			if w.MaxEntries > 0 && len(next.Entries) > w.MaxEntries {
				t.Fatalf("band holds %d entries, its limit is %d", len(next.Entries), w.MaxEntries)
			}
			for _, a := range answers {
				queue = append(queue, message{key: a.Article.ID, answer: &a})
			}
			continue
		}
		v, d := verdicts[m.key].Add(*m.answer)
		verdicts[m.key] = clone(t, v) // state survives being stored
		if d == nil {
			continue
		}
		if d.Revised != (count[m.key] > 0) {
			t.Fatalf("decision %d on %s has Revised = %v", count[m.key], m.key, d.Revised)
		}
		if prev := last[m.key]; d.Revised && (d.Match == nil || prev.Match != nil && d.Match.Original.Compare(prev.Match.Original) >= 0) {
			t.Fatalf("revision of %s does not lower the original: %+v then %+v", m.key, prev.Match, d.Match)
		}
		last[m.key] = *d
		count[m.key]++
	}
	return last, count
}

func clone[T any](t *rapid.T, v T) (out T) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The final verdicts are a function of the set of articles: the original of
// each is the lowest-ranked of its lower-ranked near-duplicates that share a
// band with it.
func TestVerdictsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		articles := drawArticles(t, 15)
		w := neardup.Window{Span: time.Duration(rapid.SampledFrom([]int{1000, 5000}).Draw(t, "span")) * time.Millisecond}
		got, _ := run(t, articles, w)
		for _, a := range articles {
			var want *neardup.Rank
			for _, b := range articles {
				dup, _ := neardup.Duplicate(a.sketch, b.sketch)
				meet := slices.ContainsFunc(a.bands, func(k string) bool { return slices.Contains(b.bands, k) })
				if dup && meet && b.rank.Compare(a.rank) < 0 && (want == nil || b.rank.Compare(*want) < 0) {
					want = &b.rank
				}
			}
			d, ok := got[a.rank.ID]
			if !ok {
				t.Fatalf("no decision on %v", a.rank)
			}
			switch {
			case want == nil && d.Match != nil:
				t.Fatalf("%v is a duplicate of %v, want unique", a.rank, d.Match.Original)
			case want != nil && d.Match == nil:
				t.Fatalf("%v is unique, want a duplicate of %v", a.rank, *want)
			case want != nil && d.Match.Original != *want:
				t.Fatalf("%v is a duplicate of %v, want %v", a.rank, d.Match.Original, *want)
			}
		}
	})
}

// Of articles that are all alike exactly one stays, in whatever order they come
// and however often.
func TestOneRepresentativePerCluster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		articles := drawArticles(t, 0)
		got, _ := run(t, articles, neardup.Window{})
		unique := map[string]int{}
		for _, a := range articles {
			story, _, _ := strings.Cut(a.rank.ID, "-")
			if !got[a.rank.ID].Duplicate() {
				unique[story]++
			} else {
				unique[story] += 0
			}
		}
		for story, n := range unique {
			if n != 1 {
				t.Fatalf("story %s has %d representatives", story, n)
			}
		}
	})
}

// However small the bands, at least one article of a story stays, and the
// bands stay within their limit (checked in run).
func TestOverflowKeepsARepresentative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		articles := drawArticles(t, 0)
		got, _ := run(t, articles, neardup.Window{MaxEntries: rapid.IntRange(1, 3).Draw(t, "limit")})
		kept := map[string]bool{}
		for _, a := range articles {
			story, _, _ := strings.Cut(a.rank.ID, "-")
			kept[story] = kept[story] || !got[a.rank.ID].Duplicate()
		}
		for story, ok := range kept {
			if !ok {
				t.Fatalf("story %s vanished", story)
			}
		}
	})
}

// A flood of copies does not push out its original.
func TestFloodKeepsItsOriginal(t *testing.T) {
	sketcher := neardup.NewSketcher()
	sketch, keys := sketcher.Sketch(neardup.Document{Title: "Parliament passes the budget after a night of debate"})
	var s neardup.BandState
	var answers []neardup.Answer
	for i := range 1000 {
		r := neardup.Rank{At: int64(i), ID: fmt.Sprint(i)}
		s, answers = s.Add(neardup.Probes(r, sketch, keys)[0], neardup.Window{MaxEntries: 4})
	}
	if len(s.Entries) != 4 || s.Entries[0].Rank.ID != "0" {
		t.Errorf("band holds %d entries, the lowest %v", len(s.Entries), s.Entries[0].Rank)
	}
	if m := answers[0].Match; m == nil || m.Original.ID != "0" {
		t.Errorf("the last copy's original is %+v", m)
	}
}

func TestWindow(t *testing.T) {
	sketcher := neardup.NewSketcher()
	sketch, keys := sketcher.Sketch(neardup.Document{Title: "Parliament passes the budget after a night of debate"})
	w := neardup.Window{Span: time.Hour}
	hour := time.Hour.Milliseconds()
	probe := func(at int64, id string) neardup.Probe {
		return neardup.Probes(neardup.Rank{At: at, ID: id}, sketch, keys)[0]
	}
	s, _ := neardup.BandState{}.Add(probe(0, "a"), w)
	s, answers := s.Add(probe(hour, "b"), w)
	if answers[0].Match == nil {
		t.Error("an hour apart: no match")
	}
	s, answers = s.Add(probe(2*hour+1, "c"), w)
	if answers[0].Match != nil || len(s.Entries) != 1 {
		t.Errorf("beyond the window: match %+v, %d entries", answers[0].Match, len(s.Entries))
	}
	if s.Expired(time.UnixMilli(3*hour), w) || !s.Expired(time.UnixMilli(3*hour+2), w) {
		t.Error("band does not expire with its last entry")
	}
}

// With a grace, an article that comes late meets those of its time.
func TestGrace(t *testing.T) {
	sketcher := neardup.NewSketcher()
	sketch, keys := sketcher.Sketch(neardup.Document{Title: "Parliament passes the budget after a night of debate"})
	hour := time.Hour.Milliseconds()
	for grace, want := range map[time.Duration]bool{0: false, 8 * time.Hour: true} {
		w := neardup.Window{Span: time.Hour, Grace: grace}
		s := neardup.BandState{}
		var answers []neardup.Answer
		for i, at := range []int64{0, 9 * hour, hour} {
			s, answers = s.Add(neardup.Probes(neardup.Rank{At: at, ID: string(rune('a' + i))}, sketch, keys)[0], w)
		}
		if got := answers[0].Match != nil; got != want {
			t.Errorf("grace %v: a match: %v, want %v", grace, got, want)
		}
		if s.Expired(time.UnixMilli(10*hour).Add(grace), w) || !s.Expired(time.UnixMilli(10*hour+1).Add(grace), w) {
			t.Errorf("grace %v: the band does not expire with its last entry", grace)
		}
	}
}

func TestVerdictIgnoresNonsense(t *testing.T) {
	a, b := neardup.Rank{At: 1, ID: "a"}, neardup.Rank{At: 2, ID: "b"}
	v, _ := neardup.Verdict{}.Add(neardup.Answer{Article: b, Band: 0, Of: 2})
	for _, bad := range []neardup.Answer{
		{Article: a, Band: 1, Of: 2},
		{Article: b, Band: 2, Of: 2},
		{Article: b, Band: -1, Of: 2},
		{Article: b, Band: 1, Of: 3},
		{Article: b, Band: 1, Of: 64},
		{Article: b, Band: 1, Of: 2, Match: &neardup.Match{Original: b}},
	} {
		if next, d := v.Add(bad); d != nil || !reflect.DeepEqual(next, v) {
			t.Errorf("%+v changed the verdict", bad)
		}
	}
}

func TestRootEndsInACycle(t *testing.T) {
	next := map[string]string{"a": "b", "b": "a"}
	neardup.Root("a", func(id string) (string, bool) { s, ok := next[id]; return s, ok })
}

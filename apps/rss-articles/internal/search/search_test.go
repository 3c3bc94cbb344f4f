package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func sample() *Index {
	x := New()
	for i, d := range []Document{
		{ID: "light", Title: "The lighthouses of the North Sea", Text: "A lighthouse keeper's day, by the sea."},
		{ID: "ferry", Title: "Ferries on time", Text: "The ferry passes a lighthouse in the north. The sea is calm."},
		{ID: "tea", Title: "Tea", Text: "To be or not to be is no question for tea drinkers. 1,500 cups."},
		{ID: "climate", Title: "气候变化与城市", Text: "专家说，气候变化影响城市。猫也这样认为。"},
		{ID: "weather", Title: "天气", Text: "变化多端的气候。"},
	} {
		d.At = day.AddDate(0, 0, -i)
		x.Put(d)
	}
	return x
}

func find(t *testing.T, x *Index, query string) (ids []string) {
	t.Helper()
	q, err := Parse(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	hits, total := x.Find(q, 0, 100)
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	if total != len(ids) {
		t.Errorf("%s: %d of %d", query, len(ids), total)
	}
	return ids
}

func TestFind(t *testing.T) {
	x := sample()
	for query, want := range map[string][]string{
		"lighthouse":             {"light", "ferry"}, // the title counts more
		"LIGHTHOUSES":            {"light", "ferry"},
		"the lighthouse":         {"light", "ferry"}, // the stop word is no condition
		"the":                    {"light", "ferry"}, // but is where there is nothing else
		`"north sea"`:            {"light"},
		"north sea":              {"light", "ferry"},
		`lighthouse -ferry`:      {"light"},
		`sea -"north sea"`:       {"ferry"},
		`"to be or not to be"`:   {"tea"},
		`"to be or not`:          {"tea"}, // the end is left out while typing
		"“north sea”":            {"light"},
		"1500":                   {"tea"},
		"unheard":                nil,
		"lighthouse unheard":     nil,
		"气候变化":                   {"climate"},
		"气候 变化":                  {"weather", "climate"},
		"猫":                      {"climate"},
		"城市 -猫":                  nil,
		"lighthouse's":           {"light", "ferry"},
		`north"sea"`:             {"light", "ferry"},
		"sea of lighthouse":      {"light", "ferry"},
		`"sea a"`:                nil, // not from the title into the text
		"- lighthouse":           {"light", "ferry"},
		"question? drinkers, 气候": nil,
	} {
		got := find(t, x, query)
		if strings.Contains(query, " 变化") || query == "the" { // the order says nothing here
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "  ", "-", `""`, "-lighthouse", "!?", "\xff", `- -- "`} {
		if _, err := Parse(s); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: %v, want %v", s, err, ErrEmpty)
		}
	}
	for _, s := range []string{strings.Repeat("x", MaxQuery+1), strings.Repeat("xy ", 40)} {
		if _, err := Parse(s); err == nil || errors.Is(err, ErrEmpty) {
			t.Errorf("%.20q: %v", s, err)
		}
	}
}

func TestPages(t *testing.T) {
	x := New()
	for i := range 50 {
		x.Put(Document{ID: fmt.Sprint(i), Title: "same", At: day.Add(time.Duration(i) * time.Hour)})
	}
	q, _ := Parse("same")
	var ids []string
	for offset := 0; ; offset += 20 {
		hits, total := x.Find(q, offset, 20)
		if total != 50 {
			t.Fatalf("%d in all", total)
		}
		for _, h := range hits {
			ids = append(ids, h.ID)
		}
		if len(hits) == 0 {
			break
		}
	}
	if len(ids) != 50 || ids[0] != "49" || ids[49] != "0" {
		t.Errorf("%d hits, newest first: %v", len(ids), ids)
	}
}

func TestBounds(t *testing.T) {
	x := New()
	x.Put(Document{ID: "long", Title: strings.Repeat("title ", 1000), Text: strings.Repeat("word", 100) + strings.Repeat(" a b c", 100_000)})
	x.Put(Document{ID: "run", Text: strings.Repeat("字", 100_000)})
	for _, d := range x.docs {
		if len(d.words) > maxWords {
			t.Errorf("%s has %d words", d.id, len(d.words))
		}
	}
	for _, term := range x.terms {
		if len(term) > maxWord {
			t.Errorf("%q has %d bytes", term, len(term))
		}
	}
}

// Whatever is put in and taken out, what is found is what a plain search finds.
func TestLikeAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, model := New(), map[string][]string{}
		word := rapid.SampledFrom([]string{"tree", "river", "stone", "cloud"})
		for range rapid.IntRange(0, 600).Draw(t, "steps") {
			id := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "id"))
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				x.Remove(id)
				delete(model, id)
				continue
			}
			model[id] = rapid.SliceOfN(word, 0, 5).Draw(t, "words")
			x.Put(Document{ID: id, Text: strings.Join(model[id], " ")})
		}
		if x.Len() != len(model) {
			t.Fatalf("%d documents, want %d", x.Len(), len(model))
		}
		phrase := []string{word.Draw(t, "first"), word.Draw(t, "second")}
		q, err := Parse(`"` + strings.Join(phrase, " ") + `"`)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for id, words := range model {
			for i := 0; i+1 < len(words); i++ {
				if words[i] == phrase[0] && words[i+1] == phrase[1] {
					want[id] = true
				}
			}
		}
		hits, total := x.Find(q, 0, 100)
		if total != len(want) {
			t.Fatalf("%d found, want %d", total, len(want))
		}
		for _, h := range hits {
			if !want[h.ID] {
				t.Fatalf("%s was found and has no %v", h.ID, phrase)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a", `"a b" -c`, `"`, "-", "气候 \"x", "“x”y", `a"b`, "\x00"} {
		f.Add(s)
	}
	x := sample()
	f.Fuzz(func(t *testing.T, s string) {
		if q, err := Parse(s); err == nil {
			x.Find(q, 0, 10)
		}
	})
}

func Example() {
	x := New()
	x.Put(Document{ID: "1", Title: "The lighthouses of the North Sea"})
	x.Put(Document{ID: "2", Title: "Ferries", Text: "A lighthouse in the north, far from the sea."})
	q, err := Parse(`lighthouse "north sea"`)
	if err != nil {
		fmt.Println(err)
	}
	hits, total := x.Find(q, 0, 10)
	fmt.Println(total, hits[0].ID)
	// Output: 1 1
}

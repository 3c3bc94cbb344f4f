package search

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// Whatever form of a word is asked for, documents are found by their languages' stems.
func TestFindByLanguage(t *testing.T) {
	x := New()
	for _, d := range []Document{
		{ID: "de", Lang: "de", Title: "Forderung nach schnellen Wahlen"},
		{ID: "fr", Lang: "fr", Title: "Une élection nationale", Text: "Avant l’unité"},
		{ID: "es", Lang: "es", Title: "Las elecciones"},
		{ID: "it", Lang: "it", Title: "Elezioni anticipate"},
		{ID: "nb", Lang: "nb", Title: "Regjeringen går av"},
		{ID: "ru", Lang: "ru", Title: "Итоги выборов"},
		{ID: "en", Lang: "en", Title: "Elections without surprises"},
		{ID: "none", Title: "Wahlen elections"},
	} {
		d.At = day
		x.Put(d)
	}
	for query, want := range map[string][]string{
		"Wahl":                   {"de"}, // of an unknown language the plain stem is "wahlen"
		"Wahlen":                 {"de", "none"},
		`"schnelle Wahl"`:        {"de"},
		`"Wahl schnelle"`:        nil,
		"élections":              {"fr"},
		`"élections nationales"`: {"fr"},
		"l'élection":             {"fr"},
		"unité":                  {"fr"},
		"elección":               {"es"},
		"elezione":               {"it"},
		"regjering":              {"nb"},
		"выборы":                 {"ru"},
		"election":               {"en", "none"},
		"election -surprise":     {"none"},
		"Wahlen -election":       {"de"},
		"wahlen elections":       {"none"},
		"Forderung -Wahl":        nil,
	} {
		got := find(t, x, query)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// A word finds a document in a language if, and only if, the stems of both in that
// language are the same.
func TestFindsEqualStems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`x[a-zäöüéèàçñ]{0,8}(en|es|er|s|e|ung|ing|ions|aciones|mente)?`)
		lang := rapid.SampledFrom(append(text.Languages(), "", "en", "nn", "pl")).Draw(t, "lang")
		has, asked := word.Draw(t, "has"), word.Draw(t, "asked")
		if rapid.Bool().Draw(t, "near") {
			asked = has + rapid.SampledFrom([]string{"", "s", "e", "en"}).Draw(t, "ending")
		}
		x := New()
		x.Put(Document{ID: "d", Lang: lang, Text: has, At: day})
		q, err := Parse(asked)
		if err != nil {
			t.Fatal(err)
		}
		_, total := x.Find(q, 0, 10)
		want := slices.Equal(words(has, lang, 10), words(asked, lang, 10))
		if total == 1 != want {
			t.Fatalf("%q finds %d with %q in %q", asked, total, has, lang)
		}
	})
}

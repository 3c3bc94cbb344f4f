package match_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// worth is what an article is worth to a reader if every term tells all.
func worth(r topics.Reader, a clean.Article) (float64, []topics.Reason) {
	p := match.Profile{}.Declare(r)
	rarity := map[string]float64{}
	for term := range p.Wants() {
		rarity[term] = 1
	}
	c := match.Candidate{Article: match.Article{ID: "a", Lang: a.Lang}}.Fill(match.Describe(match.Terms(a)), rarity)
	return match.Score(p, c, rarity, 0)
}

// An interest meets articles in each of the reader's languages, whichever form of
// the word they have.
func TestInterestsMeetLanguages(t *testing.T) {
	tests := []struct {
		interest, languages, lang, title string
		want                             bool
	}{
		{"Wahl", "", "de", "Ergebnis der Wahlen", true},
		{"Wahlen", "", "de", "Das Ergebnis der Wahl", true},
		{"Wahl", "de", "de", "Ergebnis der Wahlen", true},
		{"Wahl", "de", "", "Ergebnis der Wahlen", false}, // a language that is not known has plain stems
		{"Wahl", "fr", "de", "Ergebnis der Wahlen", false},
		{"Häuser", "de fr", "de", "Ein Haus am See", true},
		{"élections", "", "fr", "Une élection sans surprise", true},
		{"élection", "fr en", "fr", "Les élections", true},
		{"elecciones", "", "es", "Una elección sin sorpresas", true},
		{"elezioni", "", "it", "L’elezione del presidente", true},
		{"élection", "", "fr", "L’avenir de l'élection", true},
		{"l'élection", "", "fr", "Trois élections", true},
		{"elezione", "it", "it", "Elezioni anticipate", true},
		{"verkiezing", "", "nl", "Uitslag van de verkiezingen", true},
		{"regjering", "no", "nb", "Regjeringen går av", true},
		{"выборы", "", "ru", "Итоги выборов", true},
		{"elections", "", "en", "An election without surprises", true},
		{"elections", "de", "en", "An election without surprises", false},
		{"elections", "", "pl", "An election without surprises", true},
		{"Wahlen Berlin", "", "de", "Berlin vor der Wahl", true},
		{"Wahlen Berlin", "", "de", "Hamburg vor der Wahl", false},
		{`"schnelle Wahl"`, "", "de", "Forderung nach schnellen Wahlen", true},
		{`"schnelle Wahl"`, "", "de", "Nach Wahlen schnelle Hilfe", false},
		{`"élections nationales"`, "fr", "fr", "Une élection nationale", true},
		{"人工智能", "de", "", "人工智能改变世界", true},
	}
	for _, tt := range tests {
		r := topics.Reader{Interests: []topics.Interest{{Text: tt.interest}}, Languages: strings.Fields(tt.languages)}
		score, reasons := worth(r, clean.Article{Lang: tt.lang, Title: tt.title})
		if score > 0 != tt.want {
			t.Errorf("%s of a reader of %q, and %q in %q: %v", tt.interest, tt.languages, tt.title, tt.lang, score)
		}
		if tt.want && (len(reasons) != 1 || reasons[0].Term != tt.interest) {
			t.Errorf("%s: reasons %+v", tt.interest, reasons)
		}
	}
}

// An article is worth as much to who reads more languages, although more stems of the
// interest may be in it.
func TestStemsCountOnce(t *testing.T) {
	a := clean.Article{Lang: "de", Title: "Wahlen und Wahl", Text: "Die Wahlen der Wählenden"}
	interest := []topics.Interest{{Text: "Wahlen"}}
	one, _ := worth(topics.Reader{Interests: interest, Languages: []string{"de"}}, a)
	all, _ := worth(topics.Reader{Interests: interest}, a)
	if one == 0 || all != one {
		t.Errorf("worth %v to a reader of German, %v to one of all languages", one, all)
	}
	// Also where the article has the stem of another language.
	p := match.Profile{}.Declare(topics.Reader{Interests: interest})
	rarity := map[string]float64{"wahl": 1, "wahlen": 1}
	alone := match.Candidate{Article: match.Article{Lang: "de"}, Parts: map[string]match.Partial{"wahl": {Value: 0.5}}}
	both := match.Candidate{Article: match.Article{Lang: "de"}, Parts: map[string]match.Partial{"wahl": {Value: 0.5}, "wahlen": {Value: 0.5}}}
	other := match.Candidate{Article: match.Article{Lang: "de"}, Parts: map[string]match.Partial{"wahlen": {Value: 0.5}}}
	one, _ = match.Score(p, alone, rarity, 0)
	all, _ = match.Score(p, both, rarity, 0)
	none, _ := match.Score(p, other, rarity, 0)
	if one == 0 || all != one || none != 0 {
		t.Errorf("%v with the stem, %v with another's as well, %v with that alone", one, all, none)
	}
}

// The terms of a phrase are all of one language.
func TestPhraseWithinOneLanguage(t *testing.T) {
	p := match.Profile{}.Declare(topics.Reader{Interests: []topics.Interest{{Text: `"schnelle Wahlen"`}}})
	rarity := map[string]float64{"schnell": 1}
	for _, tt := range []struct {
		lang, next string
		want       bool
	}{{"de", "wahl", true}, {"de", "wahlen", false}, {"en", "wahlen", true}, {"en", "wahl", false}} {
		c := match.Candidate{Article: match.Article{Lang: tt.lang}, Parts: map[string]match.Partial{"schnell": {Value: 1, Next: []string{tt.next}}}}
		if got, _ := match.Score(p, c, rarity, 0); got > 0 != tt.want {
			t.Errorf("%q after it in %q: %v", tt.next, tt.lang, got)
		}
	}
}

// Languages do not add to the bound on what a reader wants.
func TestWantedIsBounded(t *testing.T) {
	forms := []string{"lichkeiten", "aciones", "ements", "azioni", "heten"}
	var list []topics.Interest
	for i := range match.MaxInterests {
		var words []string
		for j := range 20 {
			words = append(words, fmt.Sprintf("w%c%c%c%s", 'a'+i/26, 'a'+i%26, 'a'+j, forms[j%len(forms)]))
		}
		list = append(list, topics.Interest{Text: strings.Join(words, " ")})
	}
	for _, words := range []int{20, 6, 1} {
		for i := range list {
			list[i].Text = strings.Join(strings.Fields(list[i].Text)[:words], " ")
		}
		wishes := match.Parse(list, nil)
		parts, variants := 0, 0
		for _, w := range wishes {
			parts += len(w.Parts)
			for _, v := range w.Variants {
				parts += len(v.Terms)
				variants++
			}
		}
		if len(wishes) != match.MaxInterests || parts > 1200 || len(match.Profile{Wishes: wishes}.Wants()) > 1200 {
			t.Errorf("%d words each: %d wishes with %d parts", words, len(wishes), parts)
		}
		if words < 20 && variants == 0 {
			t.Errorf("%d words each: no variants", words)
		}
	}
}

// A word is wanted by its stem in each of the reader's languages.
func TestWantsEachLanguage(t *testing.T) {
	for _, languages := range [][]string{nil, {"de"}, {"fr", "es"}, {"zh"}} {
		for _, word := range []string{"Wahlen", "élections", "elecciones", "Elezioni", "regeringen", "выборов"} {
			wants := match.Profile{}.Declare(topics.Reader{Languages: languages, Interests: []topics.Interest{{Text: word}}}).Wants()
			for _, lang := range append(text.Languages(), "") {
				if len(languages) > 0 && lang != "" && !slices.Contains(languages, lang) {
					continue
				}
				for _, term := range text.Terms(word, lang, 0) {
					if !wants[term].Declared {
						t.Errorf("%s of a reader of %q: %q of %q is not wanted", word, languages, term, lang)
					}
				}
			}
		}
	}
}

func BenchmarkTerms(b *testing.B) {
	for _, a := range []clean.Article{
		{Lang: "en", Text: strings.Repeat("The central bank raised its rates for the second time this year, officials said on Thursday evening. ", 20)},
		{Lang: "de", Text: strings.Repeat("Die Zentralbank hat die Leitzinsen zum zweiten Mal in diesem Jahr angehoben, sagten Beamte am Donnerstagabend. ", 20)},
		{Lang: "fr", Text: strings.Repeat("La banque centrale a relevé ses taux pour la deuxième fois cette année, ont indiqué des responsables jeudi. ", 20)},
	} {
		b.Run(a.Lang, func(b *testing.B) {
			b.SetBytes(int64(len(a.Text)))
			for b.Loop() {
				match.Terms(a)
			}
		})
	}
}

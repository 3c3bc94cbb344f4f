package text_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// The forms of a word have one stem in their language.
func TestStem(t *testing.T) {
	tests := []struct{ lang, words, want string }{
		{"en", "election elections", "elect"},
		{"en", "running run runs", "run"},
		{"de", "wahl wahlen", "wahl"},
		{"de", "haus häuser hauses", "haus"},
		{"fr", "élection élections", "élect"},
		{"fr", "national nationale nationaux", "national"},
		{"es", "elección elecciones", "eleccion"},
		{"es", "presidente presidentes", "president"},
		{"it", "elezione elezioni", "elezion"},
		{"it", "governo governi", "govern"},
		{"pt", "governo governos", "govern"},
		{"nl", "verkiezing verkiezingen", "verkiez"},
		{"sv", "regering regeringen regeringens", "regering"},
		{"da", "regering regeringen regeringens", "regering"},
		{"no", "regjering regjeringen regjeringens", "regjering"},
		{"nb", "regjering regjeringen", "regjering"},
		{"nn", "regjering", "regjering"},
		{"fi", "talo talossa taloista", "talo"},
		{"ru", "выборы выборов выборах", "выбор"},

		// What a language has no algorithm for goes by the script.
		{"", "elections", "elect"},
		{"pl", "elections", "elect"},
		{"de-AT", "elections", "elect"},
		{"ru", "elections", "elect"},
		{"de", "выборы", "выбор"},
		{"zh", "elections", "elect"},
		{"en", "выборы", "выбор"},
		{"de", "εκλογές", "εκλογές"},
		{"de", "covid19", "covid19"},
		{"de", "", ""},
		{"fr", "中国", "中国"},
	}
	for _, tt := range tests {
		for word := range strings.SplitSeq(tt.words, " ") {
			if got := text.Stem(word, tt.lang); got != tt.want {
				t.Errorf("%s: the stem of %q is %q, want %q", tt.lang, word, got, tt.want)
			}
		}
	}
}

// What an apostrophe joins to a word is left out in French and Italian.
func TestElision(t *testing.T) {
	for _, tt := range []struct{ lang, in, want string }{
		{"fr", "L'élection d’hier, aujourd'hui qu'il n'a", "élect|hi|aujourdhui|il"},
		{"it", "L’elezione dell'Unione, un'isola", "elezion|union|isol"},
		{"", "L'élection", "lélection"},
		{"en", "they'd o'clock", "theyd|oclock"},
		{"fr", "d'l'eau l'", "leau"},
		{"fr", "l'" + strings.Repeat("x", 200), strings.Repeat("x", 63)},
	} {
		if got := strings.Join(text.Terms(tt.in, tt.lang, 0), "|"); got != tt.want {
			t.Errorf("%s: %q has %s, want %s", tt.lang, tt.in, got, tt.want)
		}
	}
}

// The languages are those whose stems differ from the script's.
func TestLanguages(t *testing.T) {
	for _, lang := range text.Languages() {
		if !slices.ContainsFunc([]string{"wahlen", "élections", "elecciones", "elezioni", "regeringen", "taloissa", "verkiezingen"}, func(w string) bool {
			return text.Stem(w, lang) != text.Stem(w, "")
		}) {
			t.Errorf("%s stems like no language", lang)
		}
	}
	if !slices.IsSorted(text.Languages()) {
		t.Errorf("not in order: %q", text.Languages())
	}
}

func TestVariants(t *testing.T) {
	of := func(words string) func(string) []string {
		return func(lang string) []string { return text.Terms(words, lang, 0) }
	}
	variants := text.Variants(of("Wahlen")(""), []string{"de", "en", "sv", "xx"}, of("Wahlen"))
	if len(variants) != 1 || !slices.Equal(variants[0].Terms, []string{"wahl"}) || !slices.Equal(variants[0].Languages, []string{"de", "sv"}) {
		t.Errorf("%+v", variants)
	}
	if got := text.Variants(of("Wahlen")(""), []string{"en", "pl", "zh"}, of("Wahlen")); len(got) != 0 {
		t.Errorf("of languages without stems of their own: %+v", got)
	}
	if got := text.Variants(of("中国 2024")(""), nil, of("中国 2024")); len(got) != 0 {
		t.Errorf("of what has no stem: %+v", got)
	}
	if got := text.Variants(of("regjeringen")(""), []string{"nb"}, of("regjeringen")); len(got) != 1 || !slices.Equal(text.In("nn", nil, got), []string{"regjering"}) {
		t.Errorf("by another code of Norwegian: %+v", got)
	}
}

// letters are those that the algorithms look at, and some that they do not.
var letters = []rune("aaabcdeeefghiiijklmnnoopqrsstuuvwxyzäöüßéèêëàâçîïôûùœæøåñáíóúìòãõyýθвыборыйия中'\u0301")

// What words stand for in some languages has what they come to in each.
func TestVariantsHaveEachLanguage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOfN(rapid.SampledFrom(append(slices.Clone(letters), ' ', '\'')), 0, 40, -1).Draw(t, "words")
		of := func(lang string) []string { return text.Terms(words, lang, 0) }
		variants := text.Variants(of(""), nil, of)
		for _, lang := range append(text.Languages(), "", "en", "ru", "nb", "pl") {
			if got, want := text.In(lang, of(""), variants), of(lang); !slices.Equal(got, want) {
				t.Fatalf("%q in %q is %q, want %q", words, lang, got, want)
			}
		}
	})
}

// What is no word gives no panic, and a word gives a stem of no more than twice its
// characters ("ß" becomes "ss").
func FuzzStem(f *testing.F) {
	for _, s := range []string{"wahlen", "élections", "yyyyy", "\xff", "a\u0301\u0301", "ss", "ʼn", "uuuu", "qu", "ßßß", "ïnge", "y", "выборы", "aeiouyy", "ingenheden", strings.Repeat("lösst", 13)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, lang := range append(text.Languages(), "") {
			text.Stem(s, lang)
			for token := range text.Tokens(text.Normalize(s)) {
				stem := text.Stem(token.In(lang), lang)
				if stem == "" || !utf8.ValidString(stem) || utf8.RuneCountInString(stem) > 2*utf8.RuneCountInString(token.Text) {
					t.Fatalf("%s: the stem of %q is %q", lang, token.Text, stem)
				}
			}
		}
	})
}

func BenchmarkStem(b *testing.B) {
	for _, lang := range append([]string{"en"}, text.Languages()...) {
		b.Run(lang, func(b *testing.B) {
			words := strings.Fields("the government announced elections wahlen élections nationales gobierno regeringen verkiezingen international")
			for b.Loop() {
				for _, w := range words {
					text.Stem(w, lang)
				}
			}
		})
	}
}

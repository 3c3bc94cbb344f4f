package text

import (
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
)

// Stem returns the stem of a normal word by the Snowball algorithm
// (https://snowballstem.org/algorithms/) of a language, an ISO 639-1 code. Where
// the language has none for the word's script, it goes by the script: English
// (Porter2) for words that begin with a Latin letter, Russian for Cyrillic ones.
// The stem of all others and of words with digits is the word itself, as is that
// of words of more than [MaxTokenRunes] characters. It is "" for no word but "".
func Stem(word, lang string) string {
	n := 0
	for _, r := range word {
		if n++; n > MaxTokenRunes || unicode.IsDigit(r) || r == utf8.RuneError {
			return word
		}
	}
	run := algorithm(word, lang)
	if run == nil {
		return word
	}
	env := snowballstem.NewEnv(word)
	run(env)
	if stem := env.Current(); stem != "" {
		return stem
	}
	return word
}

// algorithm returns the one for a word, nil if there is none.
func algorithm(word, lang string) func(*snowballstem.Env) bool {
	switch first, _ := utf8.DecodeRuneInString(word); {
	case unicode.Is(unicode.Latin, first):
		if run := latin(lang); run != nil {
			return run
		}
		return english.Stem
	case unicode.Is(unicode.Cyrillic, first):
		return russian.Stem
	default:
		return nil
	}
}

// Languages returns the codes of the languages whose stems are not those that
// the script alone gives, in alphabetical order.
func Languages() []string {
	return []string{"da", "de", "es", "fi", "fr", "it", "nl", "no", "pt", "sv"}
}

// latin returns the algorithm of one of Languages, else nil.
func latin(lang string) func(*snowballstem.Env) bool {
	switch Language(lang) {
	case "da":
		return danish.Stem
	case "de":
		return german.Stem
	case "es":
		return spanish.Stem
	case "fi":
		return finnish.Stem
	case "fr":
		return french.Stem
	case "it":
		return italian.Stem
	case "nl":
		return dutch.Stem
	case "no":
		return norwegian.Stem
	case "pt":
		return portuguese.Stem
	case "sv":
		return swedish.Stem
	default:
		return nil
	}
}

// Language returns the code under which a language is compared with others: that
// of Norwegian for its two written forms, which readers and articles name by
// either, and the code itself for all others.
func Language(code string) string {
	switch code {
	case "nb", "nn":
		return "no"
	default:
		return code
	}
}

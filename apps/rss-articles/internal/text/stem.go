package text

import (
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"github.com/kljensen/snowball/russian"
)

// Stem returns the stem of a normal word: English Snowball (Porter2,
// https://snowballstem.org/algorithms/english/stemmer.html) for words that
// begin with a Latin letter, Russian Snowball for Cyrillic ones, the word
// itself for all others and for words with digits.
func Stem(word string) string {
	first, _ := utf8.DecodeRuneInString(word)
	for _, r := range word {
		if unicode.IsDigit(r) {
			return word
		}
	}
	switch {
	case unicode.Is(unicode.Latin, first):
		return english.Stem(word, true)
	case unicode.Is(unicode.Cyrillic, first):
		return russian.Stem(word, true)
	default:
		return word
	}
}

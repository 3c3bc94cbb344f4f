package search

import (
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// words returns the terms of a text in order: stems in its language, numbers, and
// pairs of characters of scripts without spaces.
func words(s, lang string, limit int) (out []string) {
	for t := range text.Tokens(text.Normalize(s)) {
		if len(out) >= limit {
			break
		}
		if t.Kind == text.Run {
			out = append(out, pairs(t.Text, limit-len(out))...)
		} else {
			out = append(out, term(t, lang))
		}
	}
	return out
}

// term is a word as it is compared.
func term(t text.Token, lang string) string {
	w := t.Text
	if t.Kind == text.Word {
		w = text.Stem(t.In(lang), lang)
	}
	if len(w) > maxWord {
		n := maxWord
		for !utf8.RuneStart(w[n]) {
			n--
		}
		w = w[:n]
	}
	return strings.Clone(w) // without the text that it is a piece of
}

// pairs returns the overlapping pairs of characters of a run, or the character.
func pairs(run string, limit int) (out []string) {
	before := -1
	for i, r := range run {
		if before >= 0 && len(out) < limit {
			out = append(out, strings.Clone(run[before:i+utf8.RuneLen(r)]))
		}
		before = i
	}
	if len(out) == 0 && before >= 0 {
		out = append(out, strings.Clone(run))
	}
	return out
}

package text

import (
	"iter"
	"unicode/utf8"
)

// Words returns the words and numbers of s in order, and the overlapping
// character pairs of runs (a run of one character gives that character). s need
// not be normal. At most limit words are returned (no limit if limit <= 0).
func Words(s string, limit int) []string {
	var out []string
	for t := range Tokens(Normalize(s)) {
		if t.Kind == Run {
			out = appendPairs(out, t.Text, limit, false)
		} else {
			out = append(out, t.Text)
		}
		if limit > 0 && len(out) >= limit {
			return out[:limit]
		}
	}
	return out
}

// Terms returns what a search for s would look for, in order and with
// repetitions: the stems of words that are no stop words, numbers, and the
// overlapping character pairs of runs (a run of one character gives that
// character, unless it is a stop word). s need not be normal. At most limit
// terms are returned (no limit if limit <= 0).
//
// The stems are those of the given language, or by script if it is "" or has none:
// see [Stem] and [Token.In].
func Terms(s, lang string, limit int) []string {
	var out []string
	for term := range Labelled(s, lang) {
		out = append(out, term)
		if limit > 0 && len(out) >= limit {
			break
		}
	}
	return out
}

// Labelled yields the terms that [Terms] returns, each with the word that it
// was made of in its normal spelling: what to show where a stem stands.
func Labelled(s, lang string) iter.Seq2[string, string] {
	return func(yield func(term, word string) bool) {
		for t := range Tokens(Normalize(s)) {
			switch t.Kind {
			case Number:
				if !yield(t.Text, t.Text) {
					return
				}
			case Word:
				// A single Latin letter says nothing ("vitamin c" is lost, "s"
				// and "a" do not drown the rest).
				word := t.In(lang)
				if utf8.RuneCountInString(word) <= 1 || IsStopWord(word) {
					continue
				}
				if !yield(Stem(word, lang), word) {
					return
				}
			case Run:
				for _, pair := range appendPairs(nil, t.Text, 0, true) {
					if !yield(pair, pair) {
						return
					}
				}
			}
		}
	}
}

// Characters yields the single characters of the runs of s, in order and without
// those that are stop words. A text of a few characters has few pairs in common
// with others on its matter; what it has is characters.
func Characters(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for t := range Tokens(Normalize(s)) {
			if t.Kind != Run {
				continue
			}
			for _, r := range t.Text {
				if !isStopChar(r) && !yield(string(r)) {
					return
				}
			}
		}
	}
}

// appendPairs appends the overlapping character pairs of a run, on request
// without those that are stop words, until out has limit elements.
func appendPairs(out []string, run string, limit int, stop bool) []string {
	first, n := utf8.DecodeRuneInString(run)
	if n == len(run) {
		if stop && isStopChar(first) {
			return out
		}
		return append(out, run)
	}
	prev, at := first, 0
	for i := n; i < len(run); {
		r, w := utf8.DecodeRuneInString(run[i:])
		// A pair of two function characters ("的是") is a stop word.
		if !stop || !isStopChar(prev) || !isStopChar(r) {
			out = append(out, run[at:i+w])
			if limit > 0 && len(out) >= limit {
				return out
			}
		}
		prev, at = r, i
		i += w
	}
	return out
}

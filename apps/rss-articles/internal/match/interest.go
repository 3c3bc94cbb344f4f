package match

import (
	"strings"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Bounds of what is made of a reader's interests; what is more is left out.
const (
	MaxInterests = 100
	maxParts     = 12
	maxWeight    = 100
	maxWanted    = MaxInterests * maxParts // parts of all wishes in all languages
)

// Wish is an interest, ready for matching: an article meets it if it has all
// the parts. Where the article's language has a variant, these are the parts.
type Wish struct {
	Label    string               `json:"label"`
	Weight   float64              `json:"weight"`
	Parts    []Part               `json:"parts"`
	Variants []text.Variant[Part] `json:"variants,omitempty"`
}

// Part is a term that an article must have, followed by the term Next if that
// is not empty.
type Part struct {
	Key  string `json:"key"`
	Next string `json:"next,omitempty"`
}

// Parse turns interests into wishes. Several words must all be in the article,
// in any order; between quotation marks, one after the other. Words that are
// written without spaces, as Chinese is, are taken as a phrase: the pairs of
// their characters one after the other. An interest without any term is left
// out.
//
// An interest does not tell its language, so it has a variant for each of the
// reader's languages (for all if there are none) whose stems differ: "Wahlen"
// is to meet a German article with "Wahl". The wishes of one reader have 1,200
// parts at most, in all variants together; those of the last interests that go
// beyond are left out, and these interests then go by the plain stems in the
// languages that are missing.
func Parse(interests []topics.Interest, languages []string) []Wish {
	var out []Wish
	wanted := 0
	for _, i := range interests {
		if len(out) == MaxInterests {
			break
		}
		w := Wish{Label: i.Text, Weight: i.Weight, Parts: parts(i.Text, "")}
		if w.Weight == 0 {
			w.Weight = 1
		}
		w.Weight = max(min(w.Weight, maxWeight), -maxWeight)
		if len(w.Parts) > 0 {
			out = append(out, w)
			wanted += len(w.Parts)
		}
	}
	for i := range out {
		w := &out[i]
		w.Variants = text.Variants(w.Parts, languages, func(lang string) []Part { return parts(w.Label, lang) })
		for n, v := range w.Variants {
			if wanted+len(v.Terms) > maxWanted {
				w.Variants = w.Variants[:n]
				return out
			}
			wanted += len(v.Terms)
		}
	}
	return out
}

// parts returns those of an interest in a language.
func parts(s, lang string) []Part {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, TagPrefix); ok {
		if key := tagKey(rest); key != TagPrefix {
			return []Part{{Key: key}}
		}
		return nil
	}
	if rest, ok := strings.CutPrefix(s, FeedPrefix); ok {
		if rest = strings.TrimSpace(rest); rest != "" {
			return []Part{{Key: feedKey(rest)}}
		}
		return nil
	}
	var out []Part
	if phrase, ok := quoted(s); ok {
		return chain(out, text.Terms(phrase, lang, maxParts))
	}
	for _, word := range strings.Fields(s) {
		out = chain(out, text.Terms(word, lang, maxParts))
	}
	return out[:min(len(out), maxParts)]
}

// quoted returns what stands between quotation marks, if all of s does.
func quoted(s string) (string, bool) {
	for _, q := range [][2]string{{`"`, `"`}, {"“", "”"}, {"「", "」"}} {
		if rest, ok := strings.CutPrefix(s, q[0]); ok {
			if rest, ok = strings.CutSuffix(rest, q[1]); ok {
				return rest, true
			}
		}
	}
	return s, false
}

// chain adds terms that must follow each other.
func chain(out []Part, terms []string) []Part {
	if len(terms) == 1 {
		return append(out, Part{Key: terms[0]})
	}
	for i := range len(terms) - 1 {
		out = append(out, Part{Key: terms[i], Next: terms[i+1]})
	}
	return out
}

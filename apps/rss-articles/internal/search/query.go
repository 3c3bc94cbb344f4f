package search

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// Bounds of a query.
const (
	MaxQuery   = 200 // characters
	maxClauses = 16
)

// Query is what is searched for; make it with Parse.
type Query struct {
	clauses []clause
	shown   []string
}

// clause is one word, or several that follow each other.
type clause struct {
	words    []string
	variants []text.Variant[string] // of the words, for documents in some languages
	not      bool
	part     bool // the only word is a single character, which pairs may hold
}

// ErrEmpty is the failure of a query that names no word to look for.
var ErrEmpty = errors.New("the query has no word to look for")

// Parse reads a query. Stop words are left out where there are others, but not
// from phrases.
func Parse(s string) (q Query, err error) {
	if n := utf8.RuneCountInString(s); n > MaxQuery {
		return q, fmt.Errorf("the query has %d characters, more than %d", n, MaxQuery)
	}
	var stops []clause
	for _, p := range split(s) {
		var one []clause // words that are written together, each a clause
		if p.phrase {
			one = []clause{clauseOf(func(lang string) []string { return words(p.text, lang, maxWords) })}
		} else {
			for t := range text.Tokens(text.Normalize(p.text)) {
				c := clauseOf(func(lang string) []string { return []string{term(t, lang)} })
				if t.Kind == text.Run {
					c = clause{words: pairs(t.Text, maxWords)}
				} else if text.IsStopWord(t.Text) && !p.not {
					stops = append(stops, c)
					continue
				}
				one = append(one, c)
			}
		}
		for _, c := range one {
			if len(c.words) == 0 {
				continue
			}
			first, size := utf8.DecodeRuneInString(c.words[0])
			c.part = len(c.words) == 1 && size == len(c.words[0]) && first > 0x0e00
			c.not = p.not
			q.clauses = append(q.clauses, c)
		}
		if !p.not {
			q.shown = append(q.shown, p.text)
		}
	}
	wanted := 0
	for _, c := range q.clauses {
		if !c.not {
			wanted++
		}
	}
	if wanted == 0 {
		q.clauses = append(q.clauses, stops...)
		wanted = len(stops)
	}
	switch {
	case wanted == 0:
		return q, ErrEmpty
	case len(q.clauses) > maxClauses:
		return q, fmt.Errorf("the query has %d words and phrases, more than %d", len(q.clauses), maxClauses)
	}
	return q, nil
}

// clauseOf returns the clause of words that are what of says in a language. The
// query does not tell its own.
func clauseOf(of func(lang string) []string) clause {
	c := clause{words: of("")}
	c.variants = text.Variants(c.words, nil, of)
	return c
}

// Shown returns the words and phrases to look for, as they were written.
func (q Query) Shown() []string { return q.shown }

// piece is what stands between spaces or quotation marks.
type piece struct {
	text        string
	phrase, not bool
}

func split(s string) (out []piece) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var p piece
		if len(s) > 1 && s[0] == '-' && s[1] != '-' && s[1] != ' ' {
			p.not = true
			s = s[1:]
		}
		if quote, n := utf8.DecodeRuneInString(s); quote == '"' || quote == '“' || quote == '”' || quote == '„' {
			p.phrase = true
			s = s[n:]
			end := strings.IndexAny(s, `"“”`)
			if end < 0 {
				end = len(s)
			}
			p.text, s = s[:end], strings.TrimLeft(s[end:], `"“”`)
		} else {
			p.text, s, _ = strings.Cut(s, " ")
			if i := strings.IndexByte(p.text, '"'); i > 0 { // a quotation that begins within a word
				p.text, s = p.text[:i], p.text[i:]+" "+s
			}
		}
		if p.text = strings.TrimSpace(p.text); p.text != "" {
			out = append(out, p)
		}
	}
	return out
}

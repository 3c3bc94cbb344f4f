package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// The parameters of BM25, and what is added to it.
const (
	saturation  = 1.2 // k1
	byLength    = 0.75
	titleWeight = 3
	freshBonus  = 0.5                // of the score, for the newest document
	freshness   = 7 * 24 * time.Hour // until it is a third
)

// Hit is a document that was found.
type Hit struct {
	ID    string
	Score float64
}

// Find returns the documents from a place in the ranking on, best first, limit
// at most, and how many there are in all.
func (x *Index) Find(q Query, offset, limit int) (hits []Hit, total int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.places) == 0 {
		return nil, 0
	}
	scores := map[uint32]float64{}
	first := true
	for _, c := range q.clauses {
		if c.not {
			continue
		}
		found := x.clause(c)
		if first {
			scores, first = found, false
			continue
		}
		for place, score := range scores {
			if more, ok := found[place]; ok {
				scores[place] = score + more
			} else {
				delete(scores, place)
			}
		}
	}
	for _, c := range q.clauses {
		if c.not {
			for place := range x.clause(c) {
				delete(scores, place)
			}
		}
	}
	type ranked struct {
		Hit
		at time.Time
	}
	list := make([]ranked, 0, len(scores))
	for place, score := range scores {
		d := &x.docs[place]
		age := x.newest.Sub(d.at)
		list = append(list, ranked{Hit{d.id, score * (1 + freshBonus*math.Exp(-float64(age)/float64(freshness)))}, d.at})
	}
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), b.at.Compare(a.at), cmp.Compare(a.ID, b.ID))
	})
	for i := max(offset, 0); i < len(list) && len(hits) < limit; i++ {
		hits = append(hits, list[i].Hit)
	}
	return hits, len(list)
}

// clause returns the documents that have a word or phrase, with its score.
func (x *Index) clause(c clause) map[uint32]float64 {
	found := map[uint32]float64{}
	counts := map[uint32]int{}
	for _, s := range x.spellings(c) {
		for _, place := range x.shortest(s.numbers) {
			d := &x.docs[place]
			if d.dead || !s.fits(d.lang) {
				continue
			}
			if n := d.count(s.numbers); n > 0 {
				counts[place] += n
			}
		}
	}
	average := float64(x.words) / float64(len(x.places))
	n, df := float64(len(x.places)), float64(len(counts))
	idf := math.Log(1 + (n-df+0.5)/(df+0.5))
	for place, count := range counts {
		tf, length := float64(count), float64(len(x.docs[place].words))
		found[place] = idf * tf * (saturation + 1) / (tf + saturation*(1-byLength+byLength*length/max(average, 1)))
	}
	return found
}

// maxSpellings bounds the pairs that a single character stands for.
const maxSpellings = 400

// spelling is a sequence of terms, for the documents in some languages, or in all
// others.
type spelling struct {
	numbers   []uint32
	languages []string
	others    bool
}

func (s spelling) fits(lang string) bool {
	return slices.Contains(s.languages, text.Language(lang)) != s.others
}

// spellings returns the sequences of terms that a clause stands for, without those of
// which one word is in no document.
func (x *Index) spellings(c clause) (out []spelling) {
	var special []string // the languages for which the plain words do not stand
	for _, v := range c.variants {
		special = append(special, v.Languages...)
		if numbers, ok := x.known(v.Terms); ok {
			out = append(out, spelling{numbers: numbers, languages: v.Languages})
		}
	}
	if numbers, ok := x.known(c.words); ok {
		out = append(out, spelling{numbers: numbers, languages: special, others: true})
	}
	if c.part {
		for n, t := range x.terms {
			if strings.Contains(t, c.words[0]) && t != c.words[0] && len(out) < maxSpellings {
				out = append(out, spelling{numbers: []uint32{uint32(n)}, others: true})
			}
		}
	}
	return out
}

// known returns the numbers of words, if documents have all of them.
func (x *Index) known(words []string) ([]uint32, bool) {
	numbers := make([]uint32, 0, len(words))
	for _, w := range words {
		n, ok := x.numbers[w]
		if !ok {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// shortest returns the list of the rarest of some terms.
func (x *Index) shortest(numbers []uint32) []uint32 {
	return x.lists[slices.MinFunc(numbers, func(a, b uint32) int { return cmp.Compare(len(x.lists[a]), len(x.lists[b])) })]
}

// count returns how often terms follow each other in a document; once in the
// title counts for several. A phrase does not go from the title into the text.
func (e *entry) count(numbers []uint32) (n int) {
	count := func(words []uint32, weight int) {
		for i := 0; i+len(numbers) <= len(words); i++ {
			if slices.Equal(words[i:i+len(numbers)], numbers) {
				n += weight
			}
		}
	}
	count(e.words[:e.title], titleWeight)
	count(e.words[e.title:], 1)
	return n
}

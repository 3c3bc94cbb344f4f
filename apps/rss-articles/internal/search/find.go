package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
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
	for _, numbers := range x.spellings(c) {
		for _, place := range x.shortest(numbers) {
			d := &x.docs[place]
			if d.dead {
				continue
			}
			if n := d.count(numbers); n > 0 {
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

// spellings returns the sequences of terms that a clause stands for; none if
// one of its words is in no document.
func (x *Index) spellings(c clause) (out [][]uint32) {
	numbers := make([]uint32, 0, len(c.words))
	for _, w := range c.words {
		if n, ok := x.numbers[w]; ok {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == len(c.words) {
		out = append(out, numbers)
	}
	if c.part {
		for n, t := range x.terms {
			if strings.Contains(t, c.words[0]) && t != c.words[0] && len(out) < maxSpellings {
				out = append(out, []uint32{uint32(n)})
			}
		}
	}
	return out
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

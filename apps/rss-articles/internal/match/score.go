package match

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Freshness is how long it takes until an article counts half.
const Freshness = 48 * time.Hour

// maxReasons bounds the reasons that a recommendation gives.
const maxReasons = 4

// Candidate is an article that has terms in common with a reader.
type Candidate struct {
	Article
	Parts map[string]Partial `json:"parts"` // by term
}

// Article is what a recommendation shows of an article.
type Article struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	URL       string    `json:"url"`
	Published time.Time `json:"published"` // or when it was first seen, if that was earlier
	Lang      string    `json:"lang,omitempty"`
}

// Partial is what an article and a term have to do with each other.
type Partial struct {
	Value float64  `json:"value"`          // how much the article is about it, up to 1
	Next  []string `json:"next,omitempty"` // terms that follow it, for phrases
}

// least is the rarity that a term of a declared interest has at least: who asks
// for a common word means it.
const least = 0.5

// floor is what a declared interest is worth besides how much the article is
// about it.
const floor = 0.25

// Worth says whether a part of a score is worth sending: terms that tell little
// about the article or the reader are most of the work and little of the score.
func Worth(w Want, value, rarity float64) bool {
	return w.Declared || math.Exp2(float64(w.Level))*value*rarity*rarity >= worth
}

const worth = 0.002

// kinship is what an article is worth that points where all that the reader liked
// does, next to one that consists of the reader's terms, if the articles that were
// liked have no terms in common. The more they have (see Profile.agreement), the more the
// terms tell themselves, and the less is gained by what is alike in other words: a
// narrow matter has neighbours that point the same way and are something else.
const (
	kinship = 0.3
	narrow  = 0.1 // agreement by which it falls to 1/e
)

// Similar is the term of the reason that an article is alike those that the
// reader liked, in words that they need not share.
const Similar = "similar articles"

// Score returns what a candidate is worth to a profile, without regard to its
// age, and the strongest reasons. A score that is not above 0 is no
// recommendation.
//
// rarity is how much each term tells: see [Rarity]. A term that is not in it tells
// nothing.
//
// alike is how alike the article is to those that the reader liked, from -1 to 1:
// the mean cosine of their vectors. It adds to what terms of these say, and does not
// make a recommendation by itself.
func Score(p Profile, c Candidate, rarity map[string]float64, alike float64) (float64, []topics.Reason) {
	if !Reads(p.Languages, c.Lang) {
		return 0, nil
	}
	if _, clicked := p.Clicked[c.ID]; clicked {
		return 0, nil // has been read
	}
	var reasons []topics.Reason
	sum := 0.0
	for _, w := range p.Wishes {
		if s := w.score(c, rarity); s != 0 {
			sum += s
			reasons = append(reasons, topics.Reason{Term: w.Label, Source: "interest", Score: round(s)})
		}
	}
	learned := make([]topics.Reason, 0, len(c.Parts))
	for key, part := range c.Parts {
		if l, ok := p.Learned[key]; ok {
			r := rarity[key]
			learned = append(learned, topics.Reason{Term: cmp.Or(l.Label, key), Source: "click",
				Score: l.strength() * p.Scale * part.Value * r * r})
		}
	}
	slices.SortFunc(learned, strongest)
	byTerms := 0.0
	for _, r := range learned { // in this order, since sums of floats depend on it
		byTerms += r.Score
	}
	sum += byTerms
	if byTerms > 0 && alike > 0 {
		s := kinship * math.Exp(-p.agreement()/narrow) * alike * p.Force
		sum += s
		reasons = append(reasons, topics.Reason{Term: Similar, Source: "click", Score: s})
	}
	reasons = append(reasons, learned[:min(len(learned), maxReasons)]...)
	slices.SortFunc(reasons, strongest)
	reasons = slices.Clone(reasons[:min(len(reasons), maxReasons)])
	for i := range reasons {
		reasons[i].Score = round(reasons[i].Score)
	}
	return sum, reasons
}

func strongest(a, b topics.Reason) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Term, b.Term), cmp.Compare(a.Source, b.Source))
}

// score is the weight times how much the article is about the least of the
// parts, 0 if one is missing. The parts are those of the article's language alone, so
// a word of it counts once, also where several stems of one interest meet it.
func (w Wish) score(c Candidate, rarity map[string]float64) float64 {
	about := math.Inf(1)
	for _, p := range text.In(c.Lang, w.Parts, w.Variants) {
		part, ok := c.Parts[p.Key]
		if !ok || p.Next != "" && !slices.Contains(part.Next, p.Next) {
			return 0
		}
		about = min(about, (floor+part.Value)*max(rarity[p.Key], least))
	}
	return w.Weight * about
}

// Order is a key that sorts by score and age, greater before smaller: that of an
// article halves with each Freshness of age, so the order of two articles does
// not change as time goes by.
func Order(score float64, published time.Time) float64 {
	return math.Log2(score) + float64(published.Unix())/Freshness.Seconds()
}

package match

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Bounds and rates of a profile.
const (
	MaxLearned = 256 // terms
	MaxClicked = 256 // articles
	// HalfLife is how long it takes until what was learned counts half.
	HalfLife = 30 * 24 * time.Hour
	// tagGain is how much is learned of a tag, next to words, whose values are
	// parts of a whole.
	tagGain = 0.3
)

// Profile is what a reader wants to read. It is a value: the methods return
// the next one and leave the receiver as it is.
type Profile struct {
	Languages []string           `json:"languages,omitempty"`
	Wishes    []Wish             `json:"wishes,omitempty"`
	Learned   map[string]Learned `json:"learned,omitempty"`
	Scale     float64            `json:"scale,omitempty"`   // of what was learned: see Learned.strength
	Force     float64            `json:"force,omitempty"`   // how much was learned, as the norm of the weights
	Gains     float64            `json:"gains,omitempty"`   // the sum of what clicks counted, and that of its squares; they fade as
	Squares   float64            `json:"squares,omitempty"` // the weights do
	At        time.Time          `json:"at,omitzero"`       // when the learned weights were as they stand
	Clicked   map[string]Clicked `json:"clicked,omitempty"`
}

// Learned is the weight of a term.
type Learned struct {
	Weight float64 `json:"weight"`
	Liked  float64 `json:"liked,omitempty"` // how many of the articles that were liked have the term; fades as the weight does
	Label  string  `json:"label,omitempty"`
}

// strength is what a term is worth before the profile's Scale: its weight,
// times the number of liked articles that have it. What several have in common
// is what the reader looks for, and what one alone has mostly is not.
func (l Learned) strength() float64 { return l.Weight * max(l.Liked, 1) }

// Clicked is what a click on an article counted.
type Clicked struct {
	Gain float64   `json:"gain"`
	At   time.Time `json:"at"`
}

// Weight is what a click counts at a time.
func (c Clicked) Weight(now time.Time) float64 { return c.Gain * fade(max(now.Sub(c.At), 0)) }

// gain is how much a click counts.
func gain(k topics.ClickKind) float64 {
	switch k {
	case topics.ClickOpen:
		return 1
	case topics.ClickUp:
		return 2
	case topics.ClickDown:
		return -2
	default:
		return 0
	}
}

// Declare returns the profile with the interests and languages of a reader.
func (p Profile) Declare(r topics.Reader) Profile {
	p.Wishes = Parse(r.Interests, r.Languages)
	p.Languages = r.Languages
	return p
}

// Learn returns the profile after a click on an article with the given terms.
// For each article the last click counts, so the same click again changes
// nothing. Weights fade with HalfLife, by the times of the clicks. The strongest
// MaxLearned terms and the newest MaxClicked articles are kept.
func (p Profile) Learn(c topics.Click, terms []Term) Profile {
	before, again := p.Clicked[c.Article]
	if again && !c.At.After(before.At) {
		return p
	}
	delta := gain(c.Kind) - before.Gain
	squared := gain(c.Kind)*gain(c.Kind) - before.Gain*before.Gain
	liked := likes(gain(c.Kind)) - likes(before.Gain)
	if c.Kind == topics.ClickOpen && again { // opening does not undo a judgement
		return p
	}
	p.Learned, p.Clicked = maps.Clone(p.Learned), maps.Clone(p.Clicked)
	if p.Learned == nil {
		p.Learned = map[string]Learned{}
	}
	if p.Clicked == nil {
		p.Clicked = map[string]Clicked{}
	}
	p.Clicked[c.Article] = Clicked{Gain: gain(c.Kind), At: c.At}
	switch {
	case p.At.IsZero():
		p.At = c.At
	case c.At.After(p.At):
		f := fade(c.At.Sub(p.At))
		p.Gains *= f
		p.Squares *= f * f
		for k, l := range p.Learned {
			l.Weight *= f
			l.Liked *= f
			p.Learned[k] = l
		}
		p.At = c.At
	default:
		f := fade(p.At.Sub(c.At))
		delta *= f
		squared *= f * f
		liked *= f
	}
	p.Gains += delta
	p.Squares += squared
	for _, t := range terms {
		value := t.Value
		switch {
		case strings.HasPrefix(t.Key, FeedPrefix):
			continue // what is read is read for what it says
		case strings.HasPrefix(t.Key, TagPrefix):
			value *= tagGain
		}
		l := p.Learned[t.Key]
		l.Weight += delta * value
		l.Liked = max(l.Liked+liked, 0)
		l.Label = cmp.Or(l.Label, t.Label)
		p.Learned[t.Key] = l
	}
	p.trim()
	p.Force, p.Scale = p.measure()
	return p
}

func likes(gain float64) float64 {
	if gain > 0 {
		return 1
	}
	return 0
}

// measure gives Force and Scale. The latter keeps the sum of what was learned as it would be if each term
// were worth its weight: a profile of many clicks does not outweigh what the
// reader declared by the square of their number.
func (p Profile) measure() (force, scale float64) {
	var weights, strengths float64
	for _, k := range slices.Sorted(maps.Keys(p.Learned)) { // sums of floats depend on the order
		l := p.Learned[k]
		weights += l.Weight * l.Weight
		strengths += l.strength() * l.strength()
	}
	if strengths == 0 {
		return 0, 0
	}
	return round(math.Sqrt(weights)), round(math.Sqrt(weights / strengths))
}

// agreement is how alike the clicked articles are by their terms, from 0 to 1: the
// mean cosine of each with each other. It follows from the length of their sum, as
// each has length 1.
func (p Profile) agreement() float64 {
	pairs := p.Gains*p.Gains - p.Squares
	if pairs <= 1e-3 {
		return 0 // too few, or as many that count against
	}
	return min(max((p.Force*p.Force-p.Squares)/pairs, 0), 1)
}

func (p Profile) trim() {
	maps.DeleteFunc(p.Learned, func(_ string, l Learned) bool { return math.Abs(l.Weight) < 1e-3 })
	if n := len(p.Learned) - MaxLearned; n > 0 {
		keys := slices.SortedFunc(maps.Keys(p.Learned), func(a, b string) int {
			return cmp.Or(cmp.Compare(math.Abs(p.Learned[a].strength()), math.Abs(p.Learned[b].strength())), cmp.Compare(a, b))
		})
		for _, k := range keys[:n] {
			delete(p.Learned, k)
		}
	}
	if n := len(p.Clicked) - MaxClicked; n > 0 {
		ids := slices.SortedFunc(maps.Keys(p.Clicked), func(a, b string) int {
			return cmp.Or(p.Clicked[a].At.Compare(p.Clicked[b].At), cmp.Compare(a, b))
		})
		for _, id := range ids[:n] {
			delete(p.Clicked, id)
		}
	}
}

func fade(d time.Duration) float64 { return math.Exp2(-float64(d) / float64(HalfLife)) }

// Want is what a reader's profile wants of one term: whether the term is part
// of a declared interest, and else how strong it is in what was learned, as a
// power of two of which 0 is all there is.
type Want struct {
	Declared bool `json:"declared,omitempty"`
	Level    int  `json:"level,omitempty"`
}

// Wants returns the terms that a profile wants, positively or negatively. The
// levels are coarse so that small changes of weights are none here.
func (p Profile) Wants() map[string]Want {
	out := map[string]Want{}
	norm := 0.0
	for _, l := range p.Learned {
		norm += l.strength() * l.strength()
	}
	for k, l := range p.Learned {
		out[k] = Want{Level: int(math.Round(math.Log2(math.Abs(l.strength()) / math.Sqrt(norm))))}
	}
	for _, w := range p.Wishes {
		for _, part := range w.Parts {
			out[part.Key] = Want{Declared: true}
		}
		for _, v := range w.Variants {
			for _, part := range v.Terms {
				out[part.Key] = Want{Declared: true}
			}
		}
	}
	return out
}

// Reads says whether the reader reads a language; one that is not known might be
// any. Norwegian is one language, by whichever of its codes.
func Reads(languages []string, lang string) bool {
	return lang == "" || len(languages) == 0 ||
		slices.ContainsFunc(languages, func(l string) bool { return text.Language(l) == text.Language(lang) })
}

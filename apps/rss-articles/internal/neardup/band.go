package neardup

import (
	"slices"
	"time"
)

// Defaults of [Window].
const (
	DefaultSpan       = 72 * time.Hour
	DefaultMaxEntries = 128
)

// Window bounds what a band remembers.
type Window struct {
	// Span is how far apart, in time first seen, two articles may be to count
	// as duplicates. Default 72 h.
	Span time.Duration
	// Grace is how much longer articles are kept, for those that come late.
	// Default: none.
	Grace time.Duration
	// MaxEntries is how many articles one band's key holds at most. When it is
	// full, known duplicates go first and then the oldest, so that a flood of
	// copies does not push out its original. Default 128.
	MaxEntries int
}

func (w Window) withDefaults() Window {
	if w.Span <= 0 {
		w.Span = DefaultSpan
	}
	if w.MaxEntries <= 0 {
		w.MaxEntries = DefaultMaxEntries
	}
	return w
}

// Probe is the message that an article sends to each of its bands, keyed by the
// band's key.
type Probe struct {
	Rank   Rank   `json:"r"`
	Sketch Sketch `json:"k"`
	Band   int    `json:"b"` // which of the article's bands this is, from 0
	Of     int    `json:"n"` // how many bands the article has
}

// Probes returns the messages of an article, in the order of its bands' keys.
func Probes(r Rank, s Sketch, bands []string) []Probe {
	out := make([]Probe, len(bands))
	for i := range bands {
		out[i] = Probe{Rank: r, Sketch: s, Band: i, Of: len(bands)}
	}
	return out
}

// Match says that an article is a near-duplicate of a lower-ranked one.
type Match struct {
	Original Rank    `json:"o"`
	Score    float64 `json:"s"` // see Similarity
}

// better reports whether m should replace o: a lower original, and for the
// same original the greater score.
func (m Match) better(o *Match) bool {
	if o == nil {
		return true
	}
	if c := m.Original.Compare(o.Original); c != 0 {
		return c < 0
	}
	return m.Score > o.Score
}

// Answer is what a band tells an article, keyed by the article's id.
type Answer struct {
	Article Rank `json:"a"`
	// Band and Of are those of the probe that is answered. Of is 0 in a notice:
	// a lower-ranked article arrived after the one that is addressed.
	Band  int    `json:"b,omitempty"`
	Of    int    `json:"n,omitempty"`
	Match *Match `json:"m,omitempty"` // nil: this band knows no original
}

// Entry is an article in a band.
type Entry struct {
	Rank   Rank   `json:"r"`
	Sketch Sketch `json:"k"`
	// Copy is set if a lower-ranked duplicate was in the band together with it.
	Copy bool `json:"c,omitempty"`
}

// BandState is the state of one band key: the articles of the window that share
// the band's hash, ordered by rank. The zero value is an empty band.
type BandState struct {
	Entries []Entry `json:"e,omitempty"`
}

// Add puts the article of a probe into the band and returns the next state and
// the answers: first one to the article itself, which names the lowest-ranked
// of its duplicates here if that is lower than itself; then a notice to each
// higher-ranked duplicate for which this article is the new original.
//
// The state passed in is not changed. Add is idempotent: the same probe again
// gives the same state and the same answer to the article.
//
// Pairs further apart than the window's span are never duplicates, in whatever
// order they come. Entries older than the newest by more than the span are
// dropped after Grace, so a probe that comes late by more than both may find its partners
// gone.
func (s BandState) Add(p Probe, w Window) (BandState, []Answer) {
	w = w.withDefaults()
	span := w.Span.Milliseconds()
	kept := span + max(w.Grace, 0).Milliseconds()

	newest := p.Rank.At
	for _, e := range s.Entries {
		newest = max(newest, e.Rank.At)
	}
	next := make([]Entry, 0, len(s.Entries)+1)
	self := Entry{Rank: p.Rank, Sketch: p.Sketch}
	var best *Match
	var notices []Answer
	for _, e := range s.Entries {
		if e.Rank.ID == p.Rank.ID || newest-e.Rank.At > kept {
			continue // an earlier version of the article itself, or out of the window
		}
		if d := e.Rank.At - p.Rank.At; -span <= d && d <= span {
			if dup, score := Duplicate(p.Sketch, e.Sketch); dup {
				if e.Rank.Compare(p.Rank) < 0 {
					self.Copy = true
					if m := (Match{Original: e.Rank, Score: score}); m.better(best) {
						best = &m
					}
				} else {
					e.Copy = true
					notices = append(notices, Answer{Article: e.Rank, Match: &Match{Original: p.Rank, Score: score}})
				}
			}
		}
		next = append(next, e)
	}
	if newest-self.Rank.At <= kept {
		next = append(next, self)
	}
	slices.SortFunc(next, func(a, b Entry) int { return a.Rank.Compare(b.Rank) })
	next = evict(next, w.MaxEntries)
	answers := append([]Answer{{Article: p.Rank, Band: p.Band, Of: p.Of, Match: best}}, notices...)
	return BandState{Entries: next}, answers
}

// evict returns at most limit of the entries, which are ordered by rank:
// without the lowest-ranked copies, and if these are too few without the
// lowest-ranked of the rest.
func evict(entries []Entry, limit int) []Entry {
	surplus := len(entries) - limit
	for _, copies := range []bool{true, false} {
		if surplus <= 0 {
			break
		}
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			if surplus > 0 && e.Copy == copies {
				surplus--
				return true
			}
			return false
		})
	}
	return entries
}

// Expired reports whether nothing in the band is within the span, and Grace, of
// now any more, so that its key may be deleted.
func (s BandState) Expired(now time.Time, w Window) bool {
	oldest := now.Add(-w.withDefaults().Span - max(w.Grace, 0)).UnixMilli()
	return !slices.ContainsFunc(s.Entries, func(e Entry) bool { return e.Rank.At >= oldest })
}

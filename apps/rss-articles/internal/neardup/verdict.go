package neardup

import "time"

// Verdict is the state of one article, keyed by its id: what its bands have
// said so far. The zero value is that of an article no band has spoken of.
//
// It stays open until every band has answered. Since it only ever keeps the
// lowest-ranked original, and ignores answers it has had, its final value does
// not depend on the order of the answers nor on repetitions.
type Verdict struct {
	Article Rank   `json:"a"`
	Seen    uint64 `json:"s,omitempty"` // bit i: band i has answered
	Of      int    `json:"n,omitempty"` // how many bands will; 0 until one has
	Best    *Match `json:"m,omitempty"`
}

// Decision is a verdict to act on.
type Decision struct {
	Article Rank   `json:"a"`
	Match   *Match `json:"m,omitempty"` // nil: the article is unique
	// Revised is true if an earlier decision on the article is replaced by this
	// one: an original of lower rank (than the earlier one, or than the
	// article itself if it was unique) arrived late.
	Revised bool `json:"revised,omitempty"`
}

// Duplicate reports whether the decision is that the article is a duplicate.
func (d Decision) Duplicate() bool { return d.Match != nil }

// Decided reports whether all bands have answered.
func (v Verdict) Decided() bool {
	return v.Of > 0 && v.Seen == 1<<v.Of-1
}

// Add takes one band's answer and returns the next state and, if the answer
// decides the article or revises the decision, that decision.
//
// An article is decided exactly once. A revision can follow only from a notice
// and always names a lower-ranked original than before, so there are few, and
// the last one is the same whatever came first.
//
// Answers that no band can have given (for another article, a band out of
// range) change nothing.
func (v Verdict) Add(a Answer) (Verdict, *Decision) {
	if v.Article != (Rank{}) && v.Article != a.Article {
		return v, nil
	}
	if a.Of < 0 || a.Of > 63 || a.Of > 0 && (a.Band < 0 || a.Band >= a.Of || v.Of > 0 && v.Of != a.Of) {
		return v, nil
	}
	if a.Match != nil && a.Match.Original.Compare(a.Article) >= 0 {
		return v, nil
	}
	was := v.Decided()
	v.Article = a.Article
	if a.Of > 0 {
		v.Of = a.Of
		v.Seen |= 1 << a.Band
	}
	lower := false
	if a.Match != nil && a.Match.better(v.Best) {
		lower = v.Best == nil || a.Match.Original != v.Best.Original
		m := *a.Match
		v.Best = &m
	}
	if !v.Decided() || was && !lower {
		return v, nil
	}
	return v, &Decision{Article: v.Article, Match: v.Best, Revised: was}
}

// Expired reports whether the article is so old that no notice to it can come
// any more, so that its key may be deleted.
func (v Verdict) Expired(now time.Time, w Window) bool {
	return v.Article.At < now.Add(-w.withDefaults().Span).UnixMilli()
}

// Root follows originals from an article to the representative of its cluster:
// the original of a duplicate can itself be a duplicate of an older one that it
// resembles and the other does not. original returns an article's original and
// false if it has none. Ranks fall along the way, so there is no cycle, but the
// table behind original may be of different ages: at most 32 steps are made.
func Root(id string, original func(id string) (string, bool)) string {
	for range 32 {
		next, ok := original(id)
		if !ok || next == id {
			break
		}
		id = next
	}
	return id
}

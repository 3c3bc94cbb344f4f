package neardup

import "cmp"

// Rank orders articles for the question which of two near-duplicates is the
// original: the one of lower rank. It is fixed once, when the article is
// cleaned, and travels with it, so that all bands judge alike.
type Rank struct {
	// At is when the article was first seen, in unix milliseconds: best the
	// timestamp of the raw record. Not the time of publication, which is what
	// the feed claims: one dated 2099 would push everything else out of the
	// window, and one backdated would take over other articles' clusters.
	At int64  `json:"at"`
	ID string `json:"id"`
}

// Compare returns -1, 0 or 1 as r is lower than, equal to or higher than o.
func (r Rank) Compare(o Rank) int {
	return cmp.Or(cmp.Compare(r.At, o.At), cmp.Compare(r.ID, o.ID))
}

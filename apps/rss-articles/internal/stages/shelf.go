package stages

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// placed returns the shelf with a recommendation in its place, or without the
// article if the score is not above 0; whether that is the same shelf; and
// whether it is the right one: with a place that became free, an article that
// is not on the shelf may be due.
func placed(s topics.Shelf, r topics.Recommendation) (next topics.Shelf, same, ok bool) {
	was := slices.IndexFunc(s.Items, func(i topics.Recommendation) bool { return i.Article == r.Article })
	full := len(s.Items) >= ShelfSize
	if was < 0 && (r.Score <= 0 || full && better(r, s.Items[len(s.Items)-1]) > 0) {
		return s, true, true
	}
	items := make([]topics.Recommendation, 0, len(s.Items)+1)
	for i, item := range s.Items {
		if i != was {
			items = append(items, item)
		}
	}
	at := len(items)
	if r.Score > 0 {
		at, _ = slices.BinarySearchFunc(items, r, better)
		items = slices.Insert(items, at, r)
	}
	ok = !full || was < 0 || r.Score > 0 && at <= was
	s.Items = items[:min(len(items), ShelfSize)]
	return s, false, ok
}

// better orders by score and age; what has no score comes last.
func better(a, b topics.Recommendation) int {
	if a.Score <= 0 || b.Score <= 0 {
		return cmp.Or(cmp.Compare(max(b.Score, 0), max(a.Score, 0)), cmp.Compare(a.Article, b.Article))
	}
	return cmp.Or(cmp.Compare(match.Order(b.Score, b.Published), match.Order(a.Score, a.Published)),
		cmp.Compare(a.Article, b.Article))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

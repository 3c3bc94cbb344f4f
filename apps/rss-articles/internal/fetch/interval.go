package fetch

import (
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// interval says how long to wait until the next poll of a feed that works.
// It adapts to what is observed: what came since the last poll shortens it,
// nothing new lengthens it; the dates of the items correct it towards half of
// the time between two items. What the publisher asks for is a lower bound.
type interval struct {
	min, start, max time.Duration
}

const (
	shorter   = 0.6
	longer    = 1.25
	rateItems = 10                  // of the newest items' dates count
	rateAge   = 14 * 24 * time.Hour // and if they are not older
)

// next returns the interval after a poll. last is the one before, 0 at first;
// items are those of the document, nil if it has not changed.
func (v interval) next(last time.Duration, fresh int, items []feed.Item, now time.Time, publisher time.Duration) time.Duration {
	d := last
	switch {
	case d == 0:
		d = v.start
	case fresh > 0:
		d = time.Duration(float64(d) * shorter)
	default:
		d = time.Duration(float64(d) * longer)
	}
	if gap := meanGap(items, now); gap > 0 {
		d = min(max(d, gap/4), gap) // around half of the gap
	}
	return min(max(d, v.min, publisher), v.max)
}

// meanGap is the mean time between the newest items, counted to now so that a
// feed that fell silent slows down; 0 if the dates do not tell.
func meanGap(items []feed.Item, now time.Time) time.Duration {
	var dates []time.Time
	for _, i := range items {
		if !i.Published.IsZero() && i.Published.Before(now) && now.Sub(i.Published) < rateAge {
			dates = append(dates, i.Published)
		}
	}
	slices.SortFunc(dates, func(a, b time.Time) int { return b.Compare(a) })
	dates = slices.Compact(dates)
	dates = dates[:min(len(dates), rateItems)]
	if len(dates) < 3 {
		return 0
	}
	return now.Sub(dates[len(dates)-1]) / time.Duration(len(dates))
}

// backoff is how long to wait after the n-th failure in a row (n >= 1).
func backoff(n int, first, most time.Duration) time.Duration {
	d := first
	for range min(n, 32) - 1 {
		if d >= most/2 {
			return most
		}
		d *= 2
	}
	return min(d, most)
}

// jitter spreads times that would fall together: by up to a tenth, and never
// earlier than asked. r is from 0 to 1.
func jitter(d time.Duration, r float64) time.Duration {
	return d + time.Duration(float64(d)*0.1*r)
}

package feed

import (
	"strings"
	"time"
)

// layouts are those seen in feeds that gofeed does not know.
var layouts = []string{
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
	"2006/01/02 15:04:05",
	"2006/01/02 15:04",
	"2006/01/02",
	"2006.01.02 15:04:05",
	"2006年01月02日 15:04:05",
	"2006年01月02日 15:04",
	"2006年1月2日 15:04",
	"2006年1月2日",
	"Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04 -0700",
	"2 Jan 2006 15:04:05 -0700",
	"2 January 2006 15:04",
	"January 2, 2006 15:04",
	"January 2, 2006",
	"2006-01-02T15:04:05",
	"20060102T150405Z",
	"20060102150405",
}

func parseDate(s string) time.Time {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 64 {
		return time.Time{}
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// bounded drops dates that cannot be: before the web, or in the future. A day
// of grace is for clocks and time zones.
func bounded(t, now time.Time) time.Time {
	latest := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if !now.IsZero() {
		latest = now.Add(24 * time.Hour)
	}
	if t.Year() < 1990 || t.After(latest) {
		return time.Time{}
	}
	return t.UTC()
}

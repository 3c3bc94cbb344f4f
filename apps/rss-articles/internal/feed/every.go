package feed

import (
	"strconv"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/rss"
)

// every is how often a feed asks to be fetched at most: by ttl, in minutes
// (RSS 2.0), or by the syndication module of RSS 1.0
// (https://web.resource.org/rss/1.0/modules/syndication/). What is more than a
// year is a mistake.
func every(f *gofeed.Feed) time.Duration {
	var d time.Duration
	if r, ok := f.OriginalFeed().(*rss.Feed); ok {
		if n, err := strconv.Atoi(strings.TrimSpace(r.TTL)); err == nil && n > 0 && n <= 366*24*60 {
			d = time.Duration(n) * time.Minute
		}
	}
	sy := f.Extensions["sy"]
	text := func(name string) string {
		if e := sy[name]; len(e) > 0 {
			return strings.ToLower(strings.TrimSpace(e[0].Value))
		}
		return ""
	}
	period := map[string]time.Duration{"hourly": time.Hour, "daily": 24 * time.Hour, "weekly": 7 * 24 * time.Hour,
		"monthly": 30 * 24 * time.Hour, "yearly": 365 * 24 * time.Hour}[text("updatePeriod")]
	if n, err := strconv.Atoi(text("updateFrequency")); err == nil && n > 1 {
		period /= time.Duration(n)
	}
	return max(d, period)
}

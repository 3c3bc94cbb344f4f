package stages

import (
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
)

// Options says how long the stages remember. The zero value of a field is its
// default.
type Options struct {
	// Window is how far apart in time two articles may be seen first to count
	// as near-duplicates. Default 72 h.
	Window time.Duration
	// Retention is how long an article stays in the table of articles. Default
	// 30 days. An article that a feed still has after that does not come back:
	// its identity is remembered for Window longer.
	Retention time.Duration
}

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = neardup.DefaultSpan
	}
	if o.Retention <= 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	return o
}

func (o Options) span() neardup.Window { return neardup.Window{Span: o.Window} }

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
	// Grace is how much longer than Window the state of near-duplicates is kept,
	// by the time of the newest record. It decides nothing, but lets articles
	// meet that come in another order than they were seen, as in a replay, where
	// one partition can be days ahead of another. Default: none.
	Grace time.Duration
	// Retention is how long an article stays in the table of articles. Default
	// 30 days. An article that a feed still has after that does not come back:
	// its identity is remembered for Window longer.
	Retention time.Duration
	// Ignored is called for each click that is left out, with the reason. A
	// click counts again when its record is handled again, after an abort. It
	// must not block, and be safe for concurrent use. Default: none.
	Ignored func(Reason)
}

// Reason says why a click is left out.
type Reason string

// The values of Reason.
const (
	UnknownReader  Reason = "unknown-reader"
	UnknownArticle Reason = "unknown-article"
)

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = neardup.DefaultSpan
	}
	if o.Retention <= 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.Ignored == nil {
		o.Ignored = func(Reason) {}
	}
	return o
}

func (o Options) span() neardup.Window { return neardup.Window{Span: o.Window, Grace: o.Grace} }

// memory is how long what may still be a near-duplicate is kept.
func (o Options) memory() time.Duration { return o.Window + o.Grace }

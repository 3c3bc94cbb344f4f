package fetch

import (
	"context"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// Once fetches a feed now, whatever the schedule says, and returns it. Store
// and Sink of the configuration are not used. The error is for people: it names
// the thing and the remedy.
func Once(ctx context.Context, c Config, url string) (*feed.Feed, error) {
	owned := c.Transport == nil
	c = c.withDefaults()
	f := &Fetcher{cfg: c, parsing: make(chan struct{}, 1)}
	if owned {
		defer closeIdle(c.Transport)
	}
	if fail := f.permitted(ctx, url); fail != nil {
		return nil, fail
	}
	a, fail := f.get(ctx, request{url: url})
	if fail != nil {
		return nil, fail
	}
	doc, fail := f.parse(ctx, a)
	if fail != nil {
		return nil, fail
	}
	return doc, nil
}

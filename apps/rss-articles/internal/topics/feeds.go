package topics

import (
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

var (
	// Feeds are the subscriptions, by the feed's address as it was given. They
	// are written over HTTP and at the first start.
	Feeds = pipeline.NewTable("feeds", codec.JSON[Feed]())
	// FeedStates are what the fetcher remembers of each feed, by the same key.
	FeedStates = pipeline.NewTable("feeds.state", codec.JSON[FeedState]())
)

// Feed is a subscription.
type Feed struct {
	URL   string    `json:"url"`
	Title string    `json:"title,omitempty"` // as subscribed; the feed's own is in FeedState
	Added time.Time `json:"added"`
}

// Health is how a feed is doing.
type Health string

// The values of Health.
const (
	HealthNew     Health = "new"     // not fetched yet
	HealthOK      Health = "ok"      // the last fetch worked
	HealthFailing Health = "failing" // the last fetches failed; it is tried again, less and less often
	HealthGone    Health = "gone"    // the server said that it is gone for good (410)
)

// FeedState is what the fetcher knows of a feed. A restart goes on from it, so
// that nothing is polled twice.
type FeedState struct {
	URL          string    `json:"url"`
	Location     string    `json:"location,omitempty"` // where it moved to for good (301, 308)
	Hub          string    `json:"hub,omitempty"`      // who would tell of changes, and by
	Topic        string    `json:"topic,omitempty"`    // which address (WebSub, https://www.w3.org/TR/websub/#discovery)
	Title        string    `json:"title,omitempty"`
	Health       Health    `json:"health"`
	Error        string    `json:"error,omitempty"` // of the last fetch
	Failures     int       `json:"failures,omitempty"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	Fetched      time.Time `json:"fetched"`             // the last try
	Succeeded    time.Time `json:"succeeded,omitzero"`  // the last that worked
	Next         time.Time `json:"next"`                // when it is due
	HostQuiet    time.Time `json:"host_quiet,omitzero"` // until when its host asks to be left alone (429 or 503 with Retry-After)
	Interval     int       `json:"interval,omitempty"`  // seconds between polls, as it adapted to the feed
	Items        int       `json:"items"`               // in the last document
	Seen         []string  `json:"seen,omitempty"`      // hashes of the last document's items: only new and changed ones are emitted
}

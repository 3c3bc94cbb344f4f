package fetch

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Addresses to which feeds moved are given up after so many failures in a row:
// what was permanent was not.
const maxMovedFailures = 3

// poll fetches a feed once and returns its new state with the new items. quiet
// is how long the feed's whole host asks to be left alone.
func (f *Fetcher) poll(ctx context.Context, sub topics.Feed, old topics.FeedState) (s topics.FeedState, items []clean.Raw, quiet time.Duration) {
	s = old
	s.URL = sub.URL
	s.HostQuiet = time.Time{}
	s.Fetched = f.cfg.Now().UTC()
	r := request{url: target(sub.URL, old), etag: old.ETag, lastModified: old.LastModified}

	var (
		a    *answer
		doc  *feed.Feed
		fail *failure
	)
	if isFile(sub.URL) {
		a, fail = f.read(r)
	} else if fail = f.permitted(ctx, r.url); fail == nil {
		a, fail = f.get(ctx, r)
	}
	// The next poll counts from here: what a server asks for, as Retry-After and
	// max-age, counts from its answer (RFC 9110, 10.2.3), and that may have taken
	// long, with robots.txt, redirects and a slow body before it.
	answered := f.cfg.Now().UTC()
	if fail == nil && !a.unchanged {
		doc, fail = f.parse(ctx, a)
	}
	defer func() {
		if ctx.Err() == nil {
			f.cfg.Polled(polled(a, s, len(items)))
		}
	}()
	if fail != nil {
		if quiet = quietFor(fail); quiet > 0 {
			s.HostQuiet = answered.Add(quiet)
		}
		return f.failed(s, fail, answered), nil, quiet
	}

	publisher := a.fresh
	s.Health, s.Error, s.Failures, s.Succeeded = topics.HealthOK, "", 0, s.Fetched
	if a.moved != "" {
		s.Location = a.moved
	}
	// Validators belong to the last document. A server that sends none with
	// "not modified" has not changed them.
	if !a.unchanged || a.etag != "" {
		s.ETag = a.etag
	}
	if !a.unchanged || a.modified != "" {
		s.LastModified = a.modified
	}
	var all []feed.Item
	if doc != nil {
		all = doc.Items
		s.Hub, s.Topic = cmp.Or(a.hub, absolute(doc.Hub, a.url)), cmp.Or(a.self, absolute(doc.Self, a.url))
		publisher = max(publisher, doc.Every)
		if doc.Title != "" {
			s.Title = cut(doc.Title, maxField)
		}
		var fresh []feed.Item
		fresh, s.Seen = unseen(all, old.Seen)
		s.Items = len(all)
		title := s.Title
		if sub.Title != "" {
			title = sub.Title
		}
		var shared clean.Shared
		if len(fresh) > 0 {
			shared = clean.SharedBy(all)
		}
		for _, i := range fresh {
			items = append(items, clean.Raw{Feed: sub.URL, FeedTitle: cut(title, maxField), Fetched: s.Fetched, Item: bound(i), Part: shared.Part(i)})
		}
	}
	if f.own[hostOf(sub.URL)] || isFile(sub.URL) {
		s.Next = answered.Add(f.cfg.OwnInterval)
		return s, items, 0
	}
	v := interval{min: f.cfg.Min, start: f.cfg.Default, max: f.cfg.Max}
	d := v.next(time.Duration(old.Interval)*time.Second, len(items), all, s.Fetched, publisher)
	s.Interval = int(d / time.Second)
	s.Next = answered.Add(jitter(d, f.cfg.Rand()))
	return s, items, 0
}

// parse reads a document. Few at a time: it costs many times the document's
// size in memory.
func (f *Fetcher) parse(ctx context.Context, a *answer) (*feed.Feed, *failure) {
	select {
	case f.parsing <- struct{}{}:
		defer func() { <-f.parsing }()
	case <-ctx.Done():
		return nil, explain(ctx.Err(), a.url, f.cfg.Timeout, f.cfg.MaxBody)
	}
	doc, err := feed.Parse(a.body, feed.Hints{URL: a.url, ContentType: a.contentType, Now: f.cfg.Now(), Limits: feed.Limits{Bytes: f.cfg.MaxBody}})
	if err != nil {
		discovered := ""
		if isHTML(a) {
			discovered = discover(a.body, a.url)
		}
		return nil, unreadable(err, cut(a.url, 200), cut(a.contentType, 60), discovered)
	}
	return doc, nil
}

func isHTML(a *answer) bool {
	head := strings.ToLower(string(a.body[:min(len(a.body), 1024)]))
	return strings.Contains(a.contentType, "html") || strings.Contains(head, "<html") || strings.Contains(head, "<!doctype html") ||
		strings.HasPrefix(http.DetectContentType(a.body), "text/html")
}

// failed returns the state after a failure that was known at a moment.
func (f *Fetcher) failed(s topics.FeedState, fail *failure, answered time.Time) topics.FeedState {
	s.Failures++
	s.Health, s.Error = topics.HealthFailing, cut(strings.ToValidUTF8(fail.Error(), ""), 1000)
	if s.Location != "" && (s.Failures >= maxMovedFailures || fail.gone) {
		// Where it moved to does not work: ask at the first address again.
		s.Location, s.ETag, s.LastModified = "", "", ""
		fail.gone = false
	}
	if fail.gone {
		s.Health, s.Next = topics.HealthGone, time.Time{}
		return s
	}
	d := jitter(backoff(s.Failures, f.cfg.Min, f.cfg.MaxBackoff), f.cfg.Rand())
	if f.own[hostOf(s.URL)] || isFile(s.URL) {
		d = f.cfg.OwnInterval
	}
	s.Next = answered.Add(max(d, fail.wait))
	return s
}

func quietFor(fail *failure) time.Duration {
	if fail.host {
		return fail.wait
	}
	return 0
}

// target is the address at which a feed is now.
func target(url string, s topics.FeedState) string {
	if s.Location != "" {
		return s.Location
	}
	return url
}

package sample

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"
)

// Poll is how often the sample feeds are worth fetching in the first minutes,
// while new items appear. It is far too often for feeds of other people.
const Poll = 5 * time.Second

// Complete is how long after its start Handler serves everything.
const Complete = 2 * time.Minute

// span is how often the dates of items move up, so that they stay fresh while
// the app runs for days. The oldest item is never older than its age plus span.
const span = 12 * time.Hour

// Handler serves the feeds at their paths, as of the times that clock gives.
// Its start is the first of them: items that are late come so long after.
func Handler(clock func() time.Time) (http.Handler, error) {
	return HandlerSince(clock(), clock)
}

// HandlerSince is Handler with a start of its own: a program that runs again
// gives an old one, and everything is there at once.
func HandlerSince(start time.Time, clock func() time.Time) (http.Handler, error) {
	byFeed, err := load()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	all := map[string]*story{}
	for _, list := range byFeed {
		for _, s := range list {
			all[s.key()] = s
		}
	}
	for _, f := range Feeds() {
		stories := byFeed[f.name]
		mux.HandleFunc("GET "+f.Path, func(w http.ResponseWriter, r *http.Request) {
			doc := snapshot(f, stories, all, start.UTC(), clock().UTC())
			body, contentType, err := doc.render()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			sum := sha256.Sum256(body)
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
			http.ServeContent(w, r, "", doc.modified, bytes.NewReader(body))
		})
	}
	return mux, nil
}

// document is a feed at a moment.
type document struct {
	feed     Feed
	modified time.Time
	items    []item // newest first
}

type item struct {
	guid, link, title, text, author string
	tags                            []string
	published, updated              time.Time // zero if the feed has none
}

func snapshot(f Feed, stories []*story, all map[string]*story, start, now time.Time) document {
	base := start
	if now.After(start) {
		base = start.Add(now.Sub(start) / span * span)
	}
	doc := document{feed: f, modified: base.Truncate(time.Second)}
	at := map[string]int{}
	for _, s := range stories {
		if start.Add(s.late).After(now) {
			continue
		}
		if s.late > 0 && start.Add(s.late).After(doc.modified) {
			doc.modified = start.Add(s.late).Truncate(time.Second)
		}
		if s.retitles != "" {
			i := &doc.items[at[s.retitles]]
			i.title, i.text, i.updated = s.title, s.text, base.Add(-s.age).Truncate(time.Second)
			continue
		}
		i := item{guid: f.name + ":" + s.slug, link: itemLink(s, all), title: s.title, text: s.text, author: s.author, tags: s.tags}
		if s.dated {
			i.published = base.Add(-s.age).Truncate(time.Second)
		}
		at[s.slug] = len(doc.items)
		doc.items = append(doc.items, i)
	}
	slices.SortStableFunc(doc.items, func(a, b item) int { return b.published.Compare(a.published) })
	return doc
}

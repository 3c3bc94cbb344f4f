package clean

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
)

// Raw is an item as it was fetched: the value of articles.raw.
type Raw struct {
	Feed      string    `json:"feed"` // the address of the feed
	FeedTitle string    `json:"feed_title,omitempty"`
	Fetched   time.Time `json:"fetched"`
	Item      feed.Item `json:"item"`
	Part      string    `json:"part,omitempty"` // which of the items with its address: see Shared.Part
}

// Article is a cleaned item: the value of articles.clean.
type Article struct {
	ID        string             `json:"id"` // of the canonical address, and of Raw.Part if there is one; see ID
	URL       string             `json:"url"`
	Title     string             `json:"title"`
	Text      string             `json:"text"`
	HTML      string             `json:"html,omitempty"` // of package sanitize, some 50 KB at most; "" if it says no more than Text
	Published time.Time          `json:"published"`      // the time of the fetch if the feed has none
	Lang      string             `json:"lang"`           // ISO 639-1, "" if not known
	Author    string             `json:"author,omitempty"`
	Tags      []string           `json:"tags,omitempty"`
	Feed      string             `json:"feed"`
	FeedTitle string             `json:"feed_title,omitempty"`
	Pictures  []sanitize.Picture `json:"pictures,omitempty"`
	Hash      string             `json:"hash"` // of what a reader sees: a change of it is an update
}

// ErrNothing is the failure of an item that has neither link nor identity nor
// title.
var ErrNothing = errors.New("the item has no link, no guid and no title")

// Bounds of what is kept of an item.
const (
	maxTitle = 500    // characters
	maxText  = 20_000 // characters
	maxTags  = 20
	maxTag   = 80 // characters
)

// Clean makes an article of an item. It depends on nothing but its argument.
func Clean(r Raw) (Article, error) {
	i := r.Item
	text := i.Content
	if len(text) < len(i.Summary) {
		text = i.Summary
	}
	a := Article{
		URL:       Canonical(i.Link),
		Title:     cut(Text(i.Title), maxTitle),
		Text:      cut(Text(text), maxText),
		HTML:      sanitize.HTML(text, i.Link),
		Pictures:  sanitize.Pictures(text, i.Link),
		Published: i.Published.UTC(),
		Author:    cut(Text(i.Author), maxTag),
		Feed:      r.Feed,
		FeedTitle: cut(Text(r.FeedTitle), maxTitle),
	}
	if a.Published.IsZero() {
		a.Published = r.Fetched.UTC()
	}
	for _, t := range i.Tags {
		if t = cut(Text(t), maxTag); t != "" && len(a.Tags) < maxTags {
			a.Tags = append(a.Tags, t)
		}
	}
	if a.Title == "" {
		a.Title = cut(firstLine(a.Text), 120)
	}
	switch {
	case a.URL != "" && r.Part != "":
		a.ID = ID("part", a.URL, r.Feed, r.Part)
		if f := fragment(i.Link); f != "" {
			a.URL += "#" + f
		}
	case a.URL != "":
		a.ID = ID("url", a.URL)
	case i.GUID != "":
		// A publisher uses one guid for the rolling pages of many stories, and
		// others number theirs from 1: it says something only together with
		// the feed and the title.
		a.ID = ID("guid", r.Feed, i.GUID, a.Title)
	case a.Title != "":
		a.ID = ID("title", r.Feed, a.Title)
	default:
		return a, ErrNothing
	}
	a.Lang = Language(a.Title + "\n" + a.Text)
	a.Hash = ID(a.Title, a.Text)
	return a, nil
}

// ID is the identity of an article: 16 bytes of a SHA-256, in hexadecimal.
func ID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// cut bounds a text at a character, and takes off a half word.
func cut(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			s = s[:i]
			if j := strings.LastIndexAny(s, " \n"); j > len(s)*3/4 {
				s = s[:j]
			}
			return strings.TrimSpace(s) + "…"
		}
		n++
	}
	return s
}

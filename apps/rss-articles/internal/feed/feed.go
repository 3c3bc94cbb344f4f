package feed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
)

// Feed is a feed's own description with its items, newest first as they stand.
type Feed struct {
	GUID      string
	Title     string
	Link      string
	Summary   string // HTML as the feed has it
	Author    string
	Tags      []string
	Published time.Time // UTC; zero if unknown or out of bounds
	Updated   time.Time // the same
	Hub       string    // who tells of changes (WebSub), as the feed has it
	Self      string    // the feed's address, by which a hub knows it; likewise
	Items     []Item
	Every     time.Duration // how often to look at most, as it asks itself; 0 if it does not
}

// Item is an entry of a feed. Content and Summary are HTML as the feed has it.
type Item struct {
	GUID      string    `json:"guid,omitempty"`
	Link      string    `json:"link,omitempty"`
	Title     string    `json:"title,omitempty"`
	Content   string    `json:"content,omitempty"`
	Summary   string    `json:"summary,omitempty"`
	Author    string    `json:"author,omitempty"`
	Tags      []string  `json:"tags,omitempty"`
	Published time.Time `json:"published,omitzero"` // UTC; zero if unknown or out of bounds; Updated if there is only that
	Updated   time.Time `json:"-"`                  // the same; what changed tells the text
}

// What Parse cannot read; test with errors.Is.
var (
	ErrEmpty     = errors.New("the document is empty")
	ErrNotAFeed  = errors.New("the document is no feed")
	ErrTooLarge  = errors.New("the document is too large")
	ErrTooDeep   = errors.New("the document is nested too deeply")
	ErrMalformed = errors.New("the feed is malformed")
)

// Limits bound what a feed may cost.
type Limits struct {
	Bytes int // of the document, unpacked; default 10 MiB
	Items int // default 2,000; later ones are left out
	Depth int // of nested elements; default 256
}

// Hints say what is known of a document besides its bytes.
type Hints struct {
	URL         string    // where it came from, to resolve relative links
	ContentType string    // the HTTP header, for its charset
	Now         time.Time // dates more than a day later are ignored; zero: all up to the year 2100 are kept
	Limits      Limits
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 10 << 20
	}
	if l.Items <= 0 {
		l.Items = 2000
	}
	if l.Depth <= 0 {
		l.Depth = 256
	}
	return l
}

// Parse reads a feed.
func Parse(body []byte, h Hints) (*Feed, error) {
	h.Limits = h.Limits.withDefaults()
	body, err := unpack(body, h.Limits.Bytes)
	if err != nil {
		return nil, err
	}
	text := toUTF8(body, h.ContentType)
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, ErrEmpty
	}
	var parsed *gofeed.Feed
	if text[0] == '{' || text[0] == '[' {
		parsed, err = parseJSON(text, h.Limits.Depth)
	} else {
		parsed, err = parseXML(text, h.Limits)
	}
	if err != nil {
		return nil, err
	}
	return convert(parsed, h), nil
}

// parse calls gofeed, whose panics are the document's fault.
func parse(text []byte) (f *gofeed.Feed, err error) {
	defer func() {
		if x := recover(); x != nil {
			f, err = nil, fmt.Errorf("%w: %v", ErrMalformed, x)
		}
	}()
	p := gofeed.NewParser()
	p.KeepOriginalFeed = true
	f, err = p.Parse(bytes.NewReader(text))
	if errors.Is(err, gofeed.ErrFeedTypeNotDetected) {
		return nil, ErrNotAFeed
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f, nil
}

func convert(p *gofeed.Feed, h Hints) *Feed {
	base := h.URL
	ofAtom(p, base)
	p.PublishedParsed, p.UpdatedParsed = terms(p.Extensions, &p.Published, &p.Updated, p.PublishedParsed, p.UpdatedParsed)
	f := &Feed{GUID: guid(p, base), Title: strings.TrimSpace(p.Title), Link: resolve(base, p.Link), Summary: strings.TrimSpace(p.Description),
		Author: author(p.Authors), Tags: tags(categories(p.Categories, p.Extensions)), Every: every(p)}
	f.Published, f.Updated = dates(p.Published, p.PublishedParsed, p.Updated, p.UpdatedParsed, h.Now)
	f.Hub, f.Self = related(p, "hub"), related(p, "self")
	if f.Link != "" && base == "" {
		base = f.Link
	}
	for _, i := range p.Items {
		if i == nil || len(f.Items) == h.Limits.Items {
			continue
		}
		f.Items = append(f.Items, convertItem(i, base, h.Now))
	}
	return f
}

func convertItem(i *gofeed.Item, base string, now time.Time) Item {
	item := Item{
		GUID:    strings.TrimSpace(i.GUID),
		Link:    cmp.Or(resolve(base, extension(i.Extensions, "feedburner", "origLink")), resolve(base, i.Link)),
		Title:   strings.TrimSpace(cmp.Or(i.Title, extension(i.Extensions, "media", "title"))),
		Content: strings.TrimSpace(cmp.Or(i.Content, custom(i, "body", "fullitem", "summary"))),
		Summary: strings.TrimSpace(cmp.Or(i.Description, custom(i, "summary"))),
	}
	if item.Link == "" && (strings.HasPrefix(item.GUID, "http://") || strings.HasPrefix(item.GUID, "https://")) {
		item.Link = item.GUID // a permalink, as RSS has it by default
	}
	item.Author, item.Tags = author(i.Authors), tags(categories(i.Categories, i.Extensions))
	i.PublishedParsed, i.UpdatedParsed = terms(i.Extensions, &i.Published, &i.Updated, i.PublishedParsed, i.UpdatedParsed)
	item.Published, item.Updated = dates(i.Published, i.PublishedParsed, i.Updated, i.UpdatedParsed, now)
	return item
}

// author is the first one's name, or address.
func author(list []*gofeed.Person) string {
	for _, a := range list {
		if a != nil {
			return strings.TrimSpace(cmp.Or(a.Name, a.Email))
		}
	}
	return ""
}

func tags(list []string) (tags []string) {
	for _, t := range list {
		if t = strings.TrimSpace(t); t != "" {
			tags = append(tags, t)
		}
	}
	return tags
}

// dates reads when something was published and updated; each is the other where
// there is only one.
func dates(published string, p *time.Time, updated string, u *time.Time, now time.Time) (time.Time, time.Time) {
	// Our reading first: gofeed's takes a zone that it does not know for UTC.
	read := func(text string, parsed *time.Time) time.Time {
		t := parseDate(text)
		if t.IsZero() && parsed != nil {
			t = *parsed
		}
		return bounded(t, now)
	}
	first, last := read(published, p), read(updated, u)
	if first.IsZero() {
		first = last
	}
	if last.IsZero() {
		last = first
	}
	return first, last
}

// resolve makes a link absolute. What is no web address gives "".
func resolve(base, link string) string {
	if u := sanitize.Resolve(link, base); u != nil {
		return u.String()
	}
	return ""
}

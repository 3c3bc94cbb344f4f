package opml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// Feed is a subscription in a list.
type Feed struct {
	URL    string
	Title  string   // "" if the list has none
	Site   string   // the web page; "" if the list has none
	Folder []string // the names of the folders around it, outermost first
}

// List is a list of subscriptions.
type List struct {
	Title   string
	Feeds   []Feed // in the order of the list, each address once
	Skipped int    // entries whose address is none of the web
}

// Bounds of a list.
const (
	MaxBytes = 8 << 20
	MaxFeeds = 20_000
	MaxDepth = 64

	maxText = 500  // bytes of a title
	maxURL  = 2048 // bytes
)

// What Read cannot take; test with errors.Is.
var (
	ErrNotOPML   = errors.New("the document is no OPML")
	ErrTooLarge  = errors.New("the list is too large")
	ErrMalformed = errors.New("the list is damaged")
)

// Read reads a list. Of a damaged or too large list it returns what comes
// before the damage, together with the error.
func Read(r io.Reader) (List, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return List{}, fmt.Errorf("opml: %w", err)
	}
	if len(b) > MaxBytes {
		return List{}, fmt.Errorf("opml: %w: more than %d bytes", ErrTooLarge, MaxBytes)
	}
	p := parser{seen: map[string]bool{}}
	if err := p.read(html.NewTokenizer(bytes.NewReader(feed.UTF8(b, "")))); err != nil {
		return p.list, fmt.Errorf("opml: %w", err)
	}
	return p.list, nil
}

// parser reads tokens of HTML rather than of XML: of 126 lists found on the
// web, 25 have quotes or angle brackets inside attributes.
type parser struct {
	list    List
	seen    map[string]bool
	root    bool
	closed  bool
	folders []string // of the open outlines; "" for those that are none
	title   bool     // inside the title
}

func (p *parser) read(z *html.Tokenizer) error {
	z.SetMaxBuf(1 << 20)
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch err := z.Err(); {
			case !p.root:
				return ErrNotOPML
			case err != io.EOF:
				return fmt.Errorf("%w: %w", ErrMalformed, err)
			case !p.closed:
				return fmt.Errorf("%w: it ends in the middle", ErrMalformed)
			}
			return nil
		case html.StartTagToken:
			if err := p.open(z.Token(), false); err != nil {
				return err
			}
		case html.SelfClosingTagToken:
			if err := p.open(z.Token(), true); err != nil {
				return err
			}
		case html.EndTagToken:
			p.title = false
			switch z.Token().Data {
			case "outline":
				p.folders = p.folders[:max(0, len(p.folders)-1)]
			case "opml":
				p.closed = true
			}
		case html.TextToken:
			if p.title && p.list.Title == "" {
				p.list.Title = tidy(z.Token().Data)
			}
		}
	}
}

func (p *parser) open(e html.Token, selfClosing bool) error {
	if !p.root && e.Data != "opml" {
		return fmt.Errorf("%w: its root is <%.40s>", ErrNotOPML, e.Data)
	}
	p.root = true
	p.title = e.Data == "title" && !selfClosing
	if e.Data != "outline" {
		return nil
	}
	attr := map[string]string{}
	for _, a := range e.Attr {
		if attr[a.Key] == "" { // the first counts
			attr[a.Key] = strings.TrimSpace(a.Val)
		}
	}
	title := tidy(attr["title"])
	if title == "" {
		title = tidy(attr["text"])
	}
	link := attr["xmlurl"]
	if link == "" && strings.EqualFold(attr["type"], "rss") {
		link = attr["url"]
	}
	folder := ""
	if link == "" {
		folder = title
	}
	if !selfClosing {
		if p.folders = append(p.folders, folder); len(p.folders) > MaxDepth {
			return fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, MaxDepth)
		}
	}
	if link == "" {
		return nil
	}
	address := webAddress(link)
	switch {
	case address == "":
		p.list.Skipped++
		return nil
	case p.seen[address]:
		return nil
	case len(p.list.Feeds) == MaxFeeds:
		return fmt.Errorf("%w: more than %d feeds", ErrTooLarge, MaxFeeds)
	}
	p.seen[address] = true
	f := Feed{URL: address, Title: title, Site: webAddress(attr["htmlurl"])}
	for _, name := range p.folders {
		if name != "" {
			f.Folder = append(f.Folder, name)
		}
	}
	p.list.Feeds = append(p.list.Feeds, f)
	return nil
}

// webAddress returns an http or https address, "" for all others. The feed:
// scheme of old readers is undone.
func webAddress(s string) string {
	s = strings.ToValidUTF8(s, "")
	if rest, ok := strings.CutPrefix(s, "feed://"); ok {
		s = "http://" + rest
	}
	s = strings.TrimPrefix(s, "feed:")
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || len(s) > maxURL {
		return ""
	}
	return s
}

// tidy is a title of one line and bounded length.
func tidy(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

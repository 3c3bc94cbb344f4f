package feed

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mmcdole/gofeed"
)

var (
	declaration = regexp.MustCompile(`(?s)^\s*<\?xml.{0,500}?\?>`)
	doctype     = regexp.MustCompile(`(?is)<!DOCTYPE[^>\[]*(\[.*?\]\s*)?>`)
	// An entity whose value has entities but for the predefined and characters.
	nestedEntity = regexp.MustCompile(`(?is)<!ENTITY\s[^>"']*(?:"[^"]*&[a-z][^"]*"|'[^']*&[a-z][^']*')`)
	hasItem      = regexp.MustCompile(`<(?:item|entry)[\s>]`)
	openCategory = regexp.MustCompile(`</?itunes:category[^>]*>`)
	openEnd      = regexp.MustCompile(`</[\w.:-]{1,40}\s*$`) // the last byte is missing
	root         = regexp.MustCompile(`<([a-zA-Z_][a-zA-Z0-9_.:-]{0,63})[\s>/]`)
)

// maxDoctype is how far a document type is looked for. The decoder expands no
// entity of one that is further on.
const maxDoctype = 64 << 10

func parseXML(text []byte, l Limits) (*gofeed.Feed, error) {
	if i := bytes.IndexByte(text, '<'); i > 0 {
		text = text[i:] // white space, a stray byte order mark, a server's warning
	}
	text = forXML(text)
	text = text[len(declaration.Find(text)):] // it is UTF-8 by now, whatever it says
	// A document type only helps an attacker: entities that expand without
	// end, or read files. The entities of HTML are known without one.
	if at := doctype.FindIndex(text[:min(len(text), maxDoctype)]); at != nil {
		if nestedEntity.Match(text[at[0]:at[1]]) {
			return nil, fmt.Errorf("%w: it declares entities made of entities", ErrMalformed)
		}
		text = slices.Concat(text[:at[0]], text[at[1]:])
	}
	text = withoutPreface(text)
	m := root.FindSubmatch(text)
	if m == nil {
		return nil, ErrNotAFeed
	}
	if lower(m[1]) == "html" { // a feed inside a page, as some servers have it
		if inner := embedded(text); inner != nil {
			text, m = inner, root.FindSubmatch(inner)
		}
	}
	name := lower(m[1])
	if i := strings.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	switch name {
	case "rss", "rdf", "feed", "channel":
	default:
		return nil, fmt.Errorf("%w: its root is <%s>", ErrNotAFeed, m[1])
	}
	if name != "feed" {
		text = plainBody(text)
	}
	text = firstItems(text, l.Items)
	if err := measure(text, l); err != nil {
		return nil, err
	}
	if openEnd.Match(text) {
		text = append(bytes.Clone(text), '>')
	}
	f, err := parse(text)
	if err == nil && len(f.Items) == 0 && hasItem.Match(text) {
		// Categories that podcasts leave open swallow all that follows.
		if g, gerr := parse(openCategory.ReplaceAll(text, nil)); gerr == nil {
			f = g
		}
	}
	if err == nil || !errors.Is(err, ErrMalformed) {
		return f, err
	}
	for _, repair := range []func([]byte) []byte{escapeAmpersands, escapeMarkup, closeTruncated, func(b []byte) []byte {
		return closeTruncated(escapeMarkup(b))
	}} {
		if repaired := repair(text); repaired != nil {
			if f, rerr := parse(repaired); rerr == nil && (len(f.Items) > 0 || !hasItem.Match(text)) {
				return f, nil
			}
		}
	}
	return nil, err
}

// withoutPreface takes off the comments and instructions before the root, whose
// text may look like elements.
func withoutPreface(b []byte) []byte {
	for {
		b = bytes.TrimSpace(b)
		end := ""
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<?")):
			end = "?>"
		default:
			return b
		}
		i := bytes.Index(b, []byte(end))
		if i < 0 {
			return b
		}
		b = b[i+len(end):]
	}
}

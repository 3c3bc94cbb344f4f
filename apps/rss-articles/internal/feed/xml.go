package feed

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/mmcdole/gofeed"
)

var (
	declaration = regexp.MustCompile(`(?s)^\s*<\?xml.{0,500}?\?>`)
	doctype     = regexp.MustCompile(`(?is)<!DOCTYPE[^>\[]*(\[.*?\]\s*)?>`)
	// An entity whose value has entities but for the predefined and characters.
	nestedEntity = regexp.MustCompile(`(?is)<!ENTITY\s[^>"']*(?:"[^"]*&[a-z][^"]*"|'[^']*&[a-z][^']*')`)
	bareAmp      = regexp.MustCompile(`&([a-zA-Z][a-zA-Z0-9]{1,31};|#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};)?`)
	embedded     = regexp.MustCompile(`(?s)<feed\s[^>]*xmlns=.*</feed>|<rss\s[^>]*version=.*</rss>|<rdf:RDF\s.*</rdf:RDF>`)
	bareLess     = regexp.MustCompile(`(?s)<!\[CDATA\[.*?\]\]>|<!--.*?-->|<[/?!]?[a-zA-Z_:]|<`)
	hasItem      = regexp.MustCompile(`<(?:item|entry)[\s>]`)
	openCategory = regexp.MustCompile(`</?itunes:category[^>]*>`)
	root         = regexp.MustCompile(`<([a-zA-Z_][a-zA-Z0-9_.:-]{0,63})[\s>/]`)
)

func parseXML(text []byte, l Limits) (*gofeed.Feed, error) {
	if i := bytes.IndexByte(text, '<'); i > 0 {
		text = text[i:] // white space, a stray byte order mark, a server's warning
	}
	text = forXML(text)
	text = declaration.ReplaceAll(text, nil) // it is UTF-8 by now, whatever it says
	// A document type only helps an attacker: entities that expand without
	// end, or read files. The entities of HTML are known without one.
	if d := doctype.Find(text); nestedEntity.Match(d) {
		return nil, fmt.Errorf("%w: it declares entities made of entities", ErrMalformed)
	}
	text = doctype.ReplaceAll(text, nil)
	m := root.FindSubmatch(text)
	if m == nil {
		return nil, ErrNotAFeed
	}
	if lower(m[1]) == "html" { // a feed inside a page, as some servers have it
		if inner := embedded.Find(text); inner != nil {
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
	if depth(text) > l.Depth {
		return nil, fmt.Errorf("%w: more than %d elements", ErrTooDeep, l.Depth)
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
			if f, rerr := parse(repaired); rerr == nil && len(f.Items) > 0 {
				return f, nil
			}
		}
	}
	return nil, err
}

// depth returns how deeply elements are nested, about: comments and CDATA are
// skipped.
func depth(b []byte) int {
	now, most := 0, 0
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || i+1 >= len(b) {
			return most
		}
		b = b[i:]
		end := ">"
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			end = "]]>"
		case b[1] == '?', b[1] == '!':
		case b[1] == '/':
			now--
		default:
			now++
			most = max(most, now)
		}
		j := bytes.Index(b, []byte(end))
		if j < 0 {
			return most
		}
		if end == ">" && j > 0 && b[j-1] == '/' {
			now--
		}
		b = b[j+len(end):]
	}
}

// escapeAmpersands escapes the ampersands that begin no entity.
func escapeAmpersands(b []byte) []byte {
	return bareAmp.ReplaceAllFunc(b, func(m []byte) []byte {
		if len(m) > 1 {
			return m
		}
		return []byte("&amp;")
	})
}

// escapeMarkup is escapeAmpersands, and escapes the angle brackets that begin no
// element.
func escapeMarkup(b []byte) []byte {
	return bareLess.ReplaceAllFunc(escapeAmpersands(b), func(m []byte) []byte {
		if len(m) > 1 {
			return m
		}
		return []byte("&lt;")
	})
}

// closeTruncated ends a document after its last whole item. It returns nil
// when there is none.
func closeTruncated(b []byte) []byte {
	tag, at := "", -1
	for _, t := range []string{"</item>", "</entry>"} {
		if i := bytes.LastIndex(b, []byte(t)); i > at {
			tag, at = t, i
		}
	}
	if at < 0 {
		return nil
	}
	out := append([]byte{}, b[:at+len(tag)]...)
	m := root.FindSubmatch(b)
	name := string(m[1])
	if lower(m[1]) == "rss" {
		out = append(out, "</channel>"...)
	}
	return append(out, "</"+name+">"...)
}

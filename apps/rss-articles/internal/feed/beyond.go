package feed

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/json"
	"github.com/mmcdole/gofeed/rss"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
)

// This file has what feeds hold and gofeed leaves out or in its extensions.

const xhtml = "http://www.w3.org/1999/xhtml"

var (
	bodyTag     = regexp.MustCompile(`<(/?)([A-Za-z][\w.-]{0,30}:)?body(\s[^<>]{0,500})?>`)
	xhtmlPrefix = regexp.MustCompile(`xmlns:([A-Za-z][\w.-]{0,30})\s*=\s*["']` + regexp.QuoteMeta(xhtml) + `["']`)
)

// plainBody takes the namespace of XHTML off the bodies of RSS items, which
// gofeed keeps as they stand only without one.
func plainBody(b []byte) []byte {
	if !bytes.Contains(b, []byte(xhtml)) || !bytes.Contains(b, []byte("body")) {
		return b
	}
	prefixes := map[string]bool{"": true}
	for _, m := range xhtmlPrefix.FindAllSubmatch(b, 20) {
		prefixes[string(m[1])+":"] = true
	}
	return bodyTag.ReplaceAllFunc(b, func(tag []byte) []byte {
		m := bodyTag.FindSubmatch(tag)
		attributes := string(m[3])
		if !prefixes[string(m[2])] || len(m[2]) == 0 && len(m[1]) == 0 && !strings.Contains(attributes, xhtml) {
			return tag
		}
		return []byte("<" + string(m[1]) + "body>")
	})
}

// custom is the text of an item's elements that are in no specification, the
// first of these that is there.
func custom(i *gofeed.Item, names ...string) string {
	for name, v := range i.Custom {
		for _, n := range names {
			if v != "" && strings.EqualFold(name, n) {
				return v
			}
		}
	}
	return ""
}

// extension is the text of the first element of a namespace that has one.
func extension(e ext.Extensions, prefix string, names ...string) string {
	for _, n := range names {
		for _, x := range e[prefix][n] {
			if x.Value != "" {
				return x.Value
			}
		}
	}
	return ""
}

// terms are the dates of Dublin Core's terms
// (https://www.dublincore.org/specifications/dublin-core/dcmi-terms/), for those
// that the feed has nowhere else.
func terms(e ext.Extensions, published, updated *string, p, u *time.Time) (*time.Time, *time.Time) {
	if t := extension(e, "dcterms", "issued", "created"); t != "" && *published == "" {
		*published, p = t, nil
	}
	if t := extension(e, "dcterms", "modified"); t != "" && *updated == "" {
		*updated, u = t, nil
	}
	return p, u
}

// guid is a feed's own identity. What is no address of its own is one below
// where the feed is.
func guid(f *gofeed.Feed, base string) string {
	if o, ok := f.OriginalFeed().(*atom.Feed); ok {
		return below(base, o.ID)
	}
	return ""
}

// related is the address of the first link of a feed with a relation; in RSS it
// is a link of Atom's namespace.
func related(f *gofeed.Feed, rel string) string {
	switch o := f.OriginalFeed().(type) {
	case *atom.Feed:
		for _, l := range o.Links {
			if strings.EqualFold(l.Rel, rel) {
				return l.Href
			}
		}
	case *rss.Feed:
		for _, prefix := range []string{"atom", "atom03"} {
			for _, l := range o.Extensions[prefix]["link"] {
				if strings.EqualFold(l.Attrs["rel"], rel) {
					return l.Attrs["href"]
				}
			}
		}
	case *json.Feed:
		if rel == "self" {
			return o.FeedURL
		}
	}
	return ""
}

// below makes an Atom identity that is a path absolute (RFC 4287, 4.2.6: it must
// be absolute).
func below(base, id string) string {
	id = strings.TrimSpace(id)
	if strings.HasPrefix(id, "/") {
		if u := sanitize.Resolve(id, base); u != nil {
			return u.String()
		}
	}
	return id
}

// ofAtom mends what only Atom has: base64, of Atom 0.3, and relative identities.
func ofAtom(f *gofeed.Feed, base string) {
	o, ok := f.OriginalFeed().(*atom.Feed)
	if !ok {
		return
	}
	old := o.Version == "0.3"
	if old {
		f.Title, f.Description = unbase(f.Title), unbase(f.Description)
	}
	for _, i := range f.Items {
		i.GUID = below(base, i.GUID)
		if old {
			i.Title, i.Description, i.Content = unbase(i.Title), unbase(i.Description), unbase(i.Content)
		}
	}
}

var base64Text = regexp.MustCompile(`^[A-Za-z0-9+/\s]{16,}={0,2}$`)

// unbase decodes base64 if what comes out is markup; else it was a text.
func unbase(s string) string {
	if !base64Text.MatchString(s) {
		return s
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil || !utf8.Valid(b) || !bytes.ContainsAny(b, "<&") {
		return s
	}
	return string(b)
}

// categories are the tags with those of podcasts, which are nested.
func categories(list []string, e ext.Extensions) []string {
	var walk func([]ext.Extension, int)
	seen := map[string]bool{}
	for _, t := range list {
		seen[t] = true
	}
	walk = func(es []ext.Extension, deep int) {
		for _, x := range es {
			if t := x.Attrs["text"]; t != "" && !seen[t] {
				seen[t] = true
				list = append(list, t)
			}
			if deep < 4 {
				walk(x.Children["category"], deep+1)
			}
		}
	}
	walk(e["itunes"]["category"], 0)
	return list
}

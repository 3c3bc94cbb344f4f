package sample

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// render writes the document in its feed's format and charset.
func (d document) render() (body []byte, contentType string, err error) {
	switch d.feed.Format {
	case JSONFeed:
		body, err = d.json()
		return body, "application/feed+json", err
	case Atom:
		body, contentType = d.atom(), "application/atom+xml"
	case RSS10:
		body, contentType = d.rdf(), "application/rdf+xml"
	default:
		body, contentType = d.rss(), "application/rss+xml"
	}
	charset := "utf-8"
	if d.feed.charset != "" {
		charset = d.feed.charset
		if body, err = simplifiedchinese.GB18030.NewEncoder().Bytes(body); err != nil {
			return nil, "", fmt.Errorf("sample: %s: %w", d.feed.Path, err)
		}
	}
	head := fmt.Sprintf("<?xml version=\"1.0\" encoding=%q?>\n", charset)
	return append([]byte(head), body...), contentType + "; charset=" + charset, nil
}

// writer writes XML elements. The names are ours, the texts are escaped.
type writer struct{ bytes.Buffer }

func (w *writer) open(tag string) { fmt.Fprintf(w, "<%s>\n", tag) }

func (w *writer) text(tag, s string) {
	if s == "" {
		return
	}
	name, _, _ := strings.Cut(tag, " ")
	fmt.Fprintf(w, "<%s>%s</%s>\n", tag, escape(s), name)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// markup is a text as HTML.
func markup(s string) string { return "<p>" + html.EscapeString(s) + "</p>" }

func (d document) rss() []byte {
	var w writer
	version := strings.TrimPrefix(string(d.feed.Format), "RSS ")
	w.open(`rss version="` + version + `" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"`)
	w.open("channel")
	w.text("title", d.feed.Title)
	w.text("link", d.feed.Site+"/")
	w.text("description", d.feed.about)
	w.text("language", d.feed.Language)
	for _, i := range d.items {
		w.open("item")
		w.text("title", i.title)
		w.text("link", i.link)
		if d.feed.Format == RSS20 {
			w.text(`guid isPermaLink="false"`, i.guid)
			w.text("dc:creator", i.author)
			w.text("description", firstSentence(i.text))
			fmt.Fprintf(&w, "<content:encoded><![CDATA[%s]]></content:encoded>\n", markup(i.text))
		} else {
			w.text("description", i.text)
		}
		if d.feed.Format != RSS091 { // which has no categories and no dates
			for _, t := range i.tags {
				w.text("category", t)
			}
			if !i.published.IsZero() {
				w.text("pubDate", i.published.Format(time.RFC1123Z))
			}
		}
		w.open("/item")
	}
	w.open("/channel")
	w.open("/rss")
	return w.Bytes()
}

func (d document) rdf() []byte {
	var w writer
	w.open(`rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"`)
	w.open(`channel rdf:about="` + escape(d.feed.Site) + `"`)
	w.text("title", d.feed.Title)
	w.text("link", d.feed.Site+"/")
	w.text("description", d.feed.about)
	w.open("items")
	w.open("rdf:Seq")
	for _, i := range d.items {
		fmt.Fprintf(&w, "<rdf:li rdf:resource=\"%s\"/>\n", escape(i.link))
	}
	w.open("/rdf:Seq")
	w.open("/items")
	w.open("/channel")
	for _, i := range d.items {
		w.open(`item rdf:about="` + escape(i.link) + `"`)
		w.text("title", i.title)
		w.text("link", i.link)
		w.text("description", markup(i.text))
		w.text("dc:creator", i.author)
		for _, t := range i.tags {
			w.text("dc:subject", t)
		}
		w.text("dc:date", i.published.Format(time.RFC3339))
		w.open("/item")
	}
	w.open("/rdf:RDF")
	return w.Bytes()
}

func (d document) atom() []byte {
	var w writer
	w.open(`feed xmlns="http://www.w3.org/2005/Atom" xml:lang="` + d.feed.Language + `" xml:base="` + escape(d.feed.Site) + `/"`)
	w.text("title", d.feed.Title)
	w.text("subtitle", d.feed.about)
	w.text("id", d.feed.Site+"/")
	w.text("updated", d.modified.Format(time.RFC3339))
	fmt.Fprintf(&w, "<link href=\"%s/\"/>\n", escape(d.feed.Site))
	for _, i := range d.items {
		updated := i.updated
		if updated.IsZero() {
			updated = i.published
		}
		w.open("entry")
		w.text("title", i.title)
		w.text("id", "tag:"+strings.TrimPrefix(d.feed.Site, "https://")+",2026:"+i.guid)
		// Relative, as Atom allows: xml:base says to what.
		fmt.Fprintf(&w, "<link rel=\"alternate\" href=\"%s\"/>\n", escape(strings.TrimPrefix(i.link, d.feed.Site)))
		w.text("published", i.published.Format(time.RFC3339))
		w.text("updated", updated.Format(time.RFC3339))
		if i.author != "" {
			w.open("author")
			w.text("name", i.author)
			w.open("/author")
		}
		for _, t := range i.tags {
			fmt.Fprintf(&w, "<category term=\"%s\"/>\n", escape(t))
		}
		w.text(`content type="html"`, markup(i.text))
		w.open("/entry")
	}
	w.open("/feed")
	return w.Bytes()
}

func (d document) json() ([]byte, error) {
	items := []map[string]any{}
	for _, i := range d.items {
		m := map[string]any{"id": i.guid, "url": i.link, "title": i.title, "content_html": markup(i.text),
			"date_published": i.published.Format(time.RFC3339), "tags": i.tags}
		if i.author != "" {
			m["authors"] = []map[string]string{{"name": i.author}}
		}
		if !i.updated.IsZero() {
			m["date_modified"] = i.updated.Format(time.RFC3339)
		}
		items = append(items, m)
	}
	return json.MarshalIndent(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": d.feed.Title,
		"home_page_url": d.feed.Site + "/", "description": d.feed.about, "language": d.feed.Language, "items": items}, "", " ")
}

// firstSentence is what RSS 2.0 feeds here give as their summary.
func firstSentence(s string) string {
	for i, r := range s {
		if r == '。' {
			return s[:i+len("。")]
		}
		if r == '.' && strings.HasPrefix(s[i:], ". ") {
			return s[:i+1]
		}
	}
	return s
}

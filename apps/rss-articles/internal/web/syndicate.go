package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// entry is a recommendation in a feed.
type entry struct {
	id, title, link, author string
	published, updated      time.Time
	tags                    []string
	body                    string // HTML
}

// syndication is a reader's recommendations as a feed, for any program that
// reads feeds.
type syndication struct {
	id, title, home, self string
	updated               time.Time
	entries               []entry
}

// syndicate answers with the recommendations of a reader in a format. A program
// that has them already is told so.
func (s *Server) syndicate(contentType string, encode func(syndication) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !s.knownReader(w, r, id) {
			return
		}
		f, err := s.syndication(r, id)
		var b []byte
		if err == nil {
			b, err = encode(f)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", `"`+clean.ID(string(b))+`"`)
		http.ServeContent(w, r, "", f.updated, bytes.NewReader(b))
	}
}

func (s *Server) syndication(r *http.Request, id string) (f syndication, err error) {
	reader, _, err := s.readers.Get(id)
	if err != nil {
		return f, err
	}
	name := reader.Name
	if name == "" {
		name = id
	}
	base := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		base.Scheme = "https"
	}
	f = syndication{id: urn("recommendations", id), title: "Recommended for " + name, home: base.String() + "/", self: base.String() + r.URL.EscapedPath()}
	list, entries, updated, err := s.shelf(id)
	if f.updated = updated.UTC(); updated.IsZero() {
		f.updated = time.Unix(0, 0).UTC() // a feed has to have one
	}
	for i, item := range list {
		e := entries[i]
		one := entry{id: urn("article", item.Article), title: item.Title, link: sanitize.Link(item.URL, ""), author: e.Author,
			published: item.Published.UTC(), updated: item.Published.UTC(), body: because(item.Reasons) + markup(e)}
		if e.Updated.After(one.updated) {
			one.updated = e.Updated.UTC()
		}
		if one.author == "" {
			one.author = e.FeedTitle
		}
		for _, reason := range item.Reasons {
			if reason.Score > 0 {
				one.tags = append(one.tags, reason.Term)
			}
		}
		f.entries = append(f.entries, one)
	}
	return f, err
}

// urn is an identity that stays the same wherever the page is served: a UUID of
// version 8 (RFC 9562) of a hash.
func urn(parts ...string) string {
	h := []byte(clean.ID(append([]string{"rss-articles"}, parts...)...))
	h[12] = '8'
	h[16] = "89ab"[h[16]%4]
	return "urn:uuid:" + string(h[:8]) + "-" + string(h[8:12]) + "-" + string(h[12:16]) + "-" + string(h[16:20]) + "-" + string(h[20:])
}

// because is the reasons as HTML.
func because(reasons []topics.Reason) string {
	var terms []string
	for _, r := range reasons {
		if r.Score > 0 && len(terms) < 6 {
			terms = append(terms, r.Term)
		}
	}
	if len(terms) == 0 {
		return ""
	}
	return "<p><em>Recommended because of " + html.EscapeString(strings.Join(terms, ", ")) + ".</em></p>\n"
}

// markup is an article's content as HTML, sanitised once more.
func markup(e topics.Entry) string {
	if s := sanitize.HTML(e.HTML, e.URL); s != "" {
		return s
	}
	var b strings.Builder
	for _, n := range sanitize.Lines(e.Text) {
		b.WriteString("<p>" + html.EscapeString(n.Nodes[0].Text) + "</p>\n")
	}
	return b.String()
}

// atom encodes a feed as Atom (RFC 4287).
func atom(f syndication) ([]byte, error) {
	type link struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr,omitempty"`
		Href string `xml:"href,attr"`
	}
	type category struct {
		Term string `xml:"term,attr"`
	}
	type content struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	}
	type entry struct {
		ID         string     `xml:"id"`
		Title      string     `xml:"title"`
		Links      []link     `xml:"link"`
		Published  string     `xml:"published"`
		Updated    string     `xml:"updated"`
		Author     string     `xml:"author>name"`
		Categories []category `xml:"category"`
		Content    content    `xml:"content"`
	}
	doc := struct {
		XMLName   xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID        string   `xml:"id"`
		Title     string   `xml:"title"`
		Updated   string   `xml:"updated"`
		Links     []link   `xml:"link"`
		Generator string   `xml:"generator"`
		Entries   []entry  `xml:"entry"`
	}{ID: f.id, Title: f.title, Updated: f.updated.Format(time.RFC3339), Generator: "Millrace rss-articles",
		Links: []link{{"self", "application/atom+xml", f.self}, {"alternate", "text/html", f.home}}}
	for _, e := range f.entries {
		one := entry{ID: e.id, Title: e.title, Published: e.published.Format(time.RFC3339), Updated: e.updated.Format(time.RFC3339),
			Author: cmp.Or(e.author, "unknown"), Content: content{"html", e.body}}
		if e.link != "" {
			one.Links = []link{{"alternate", "", e.link}}
		}
		for _, t := range e.tags {
			one.Categories = append(one.Categories, category{t})
		}
		doc.Entries = append(doc.Entries, one)
	}
	b, err := xml.MarshalIndent(doc, "", " ")
	return append([]byte(xml.Header), b...), err
}

// jsonFeed encodes a feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).
func jsonFeed(f syndication) ([]byte, error) {
	type author struct {
		Name string `json:"name"`
	}
	type item struct {
		ID        string   `json:"id"`
		URL       string   `json:"url,omitempty"`
		Title     string   `json:"title"`
		HTML      string   `json:"content_html"`
		Published string   `json:"date_published"`
		Modified  string   `json:"date_modified"`
		Authors   []author `json:"authors,omitempty"`
		Tags      []string `json:"tags,omitempty"`
	}
	doc := struct {
		Version string `json:"version"`
		Title   string `json:"title"`
		Home    string `json:"home_page_url"`
		Self    string `json:"feed_url"`
		Items   []item `json:"items"`
	}{"https://jsonfeed.org/version/1.1", f.title, f.home, f.self, []item{}}
	for _, e := range f.entries {
		one := item{ID: e.id, URL: e.link, Title: e.title, HTML: e.body, Tags: e.tags,
			Published: e.published.Format(time.RFC3339), Modified: e.updated.Format(time.RFC3339)}
		if e.author != "" {
			one.Authors = []author{{e.author}}
		}
		doc.Items = append(doc.Items, one)
	}
	return json.Marshal(doc)
}

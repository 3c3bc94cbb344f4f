package web

import (
	"net/http"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Bounds of a list of articles.
const (
	defaultPage = 50
	maxPage     = 200
	excerptLen  = 320 // characters
)

// Item is a unique article in a list: an entry of the table without its whole
// text, which /v1/tables/articles/{id} has.
type Item struct {
	ID        string        `json:"id"`
	URL       string        `json:"url"`
	Title     string        `json:"title"`
	Excerpt   string        `json:"excerpt,omitempty"`
	Published time.Time     `json:"published"`
	FirstSeen time.Time     `json:"first_seen"`
	Updated   time.Time     `json:"updated,omitzero"`
	Lang      string        `json:"lang,omitempty"`
	Author    string        `json:"author,omitempty"`
	Tags      []string      `json:"tags,omitempty"`
	Feed      string        `json:"feed"`
	FeedTitle string        `json:"feed_title,omitempty"`
	Copies    []topics.Copy `json:"copies,omitempty"`
	Marked
}

func itemOf(e topics.Entry) Item {
	return Item{ID: e.ID, URL: e.URL, Title: e.Title, Excerpt: short(e.Text, excerptLen), Published: e.Published,
		FirstSeen: e.FirstSeen, Updated: e.Updated, Lang: e.Lang, Author: e.Author, Tags: e.Tags,
		Feed: e.Feed, FeedTitle: e.FeedTitle, Copies: e.Copies}
}

// short is the beginning of a text, in characters.
func short(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// listArticles answers with the newest articles, or those before a cursor; on
// request only those that a reader has not read.
func (s *Server) listArticles(w http.ResponseWriter, r *http.Request) {
	q := parameters{w: w, r: r}
	limit, from := q.number("limit", defaultPage, 1, maxPage), q.text("before")
	reader, unread := q.text("reader"), q.flag("unread")
	if !q.done() {
		return
	}
	var before *cursor
	if from != "" {
		c, err := parseCursor(from)
		if err != nil {
			views.WriteProblem(w, http.StatusBadRequest, err.Error())
			return
		}
		before = &c
	}
	items := []Item{}
	var next string
	for { // pages of the index, until there is one of what is wanted
		page, more := s.idx.page(before, limit)
		for _, i := range page {
			var err error
			if i.Marked, err = s.marked(reader, i.ID); err != nil {
				s.fail(w, r, err)
				return
			}
			if unread && i.Read {
				continue
			}
			if len(items) == limit {
				next = placeOf(items[limit-1]).String()
				break
			}
			items = append(items, i)
		}
		if more == "" || next != "" {
			break
		}
		if len(items) == limit && !unread {
			next = more
			break
		}
		c := placeOf(page[len(page)-1])
		before = &c
	}
	views.WriteJSON(w, http.StatusOK, struct {
		Items []Item `json:"items"`
		Next  string `json:"next,omitempty"` // the before of the next page
		Total int    `json:"total"`          // of the articles in the list, read or not
	}{items, next, s.idx.len()})
}

package web

import (
	"net/http"
	"strconv"
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

// listArticles answers with the newest articles, or those before a cursor.
func (s *Server) listArticles(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name := range q {
		if name != "limit" && name != "before" {
			views.WriteProblem(w, http.StatusBadRequest, "there is no parameter "+strconv.Quote(name)+": use limit and before")
			return
		}
	}
	limit := defaultPage
	if v := q.Get("limit"); v != "" {
		var err error
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > maxPage {
			views.WriteProblem(w, http.StatusBadRequest, "limit is not a number from 1 to "+strconv.Itoa(maxPage))
			return
		}
	}
	var before *cursor
	if v := q.Get("before"); v != "" {
		c, err := parseCursor(v)
		if err != nil {
			views.WriteProblem(w, http.StatusBadRequest, err.Error())
			return
		}
		before = &c
	}
	items, next := s.idx.page(before, limit)
	views.WriteJSON(w, http.StatusOK, struct {
		Items []Item `json:"items"`
		Next  string `json:"next,omitempty"` // the before of the next page
		Total int    `json:"total"`          // of the articles in the list
	}{items, next, s.idx.len()})
}

package web

import (
	"net/http"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Recommended is an article that is recommended to a reader, with the reasons.
type Recommended struct {
	topics.Recommendation
	Excerpt   string `json:"excerpt,omitempty"`
	Lang      string `json:"lang,omitempty"`
	FeedTitle string `json:"feed_title,omitempty"`
	Marked
}

// shelf returns what a reader is recommended, with the articles as far as they
// are known, in the order of the ranking, but so that no feed fills the list: see
// match.Diverse.
func (s *Server) shelf(reader string) (list []Recommended, entries []topics.Entry, updated time.Time, err error) {
	list = []Recommended{}
	shelf, _, err := s.shelves.Get(reader)
	if err != nil {
		return nil, nil, updated, err
	}
	var sources []string
	for _, item := range shelf.Items {
		e, found, err := s.articles.Get(item.Article)
		if err != nil {
			return nil, nil, updated, err
		}
		if !found { // the view of articles is behind, or the article went
			e.ID, e.URL, e.Title, e.Published = item.Article, item.URL, item.Title, item.Published
		}
		one := Recommended{Recommendation: item, Excerpt: short(e.Text, excerptLen), Lang: e.Lang, FeedTitle: e.FeedTitle}
		if one.Marked, err = s.marked(reader, item.Article); err != nil {
			return nil, nil, updated, err
		}
		list, entries, sources = append(list, one), append(entries, e), append(sources, e.Feed)
	}
	ranked, known := list, entries
	list, entries = make([]Recommended, 0, len(ranked)), make([]topics.Entry, 0, len(known))
	for _, i := range match.Diverse(sources) {
		list, entries = append(list, ranked[i]), append(entries, known[i])
	}
	return list, entries, shelf.Updated, nil
}

// recommendations answers with the shelf of a reader; empty as long as there is
// none.
func (s *Server) recommendations(w http.ResponseWriter, r *http.Request) {
	reader := r.PathValue("id")
	if !s.knownReader(w, r, reader) {
		return
	}
	list, _, updated, err := s.shelf(reader)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	views.WriteJSON(w, http.StatusOK, struct {
		Items   []Recommended `json:"items"`
		Updated time.Time     `json:"updated,omitzero"`
	}{list, updated})
}

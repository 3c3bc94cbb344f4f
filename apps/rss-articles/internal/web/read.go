package web

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Reading is an article to read: its item with the whole content.
type Reading struct {
	Item
	Content  []sanitize.Node `json:"content"` // as elements to make
	Pictures []Pictured      `json:"pictures,omitempty"`
}

// readArticle answers with an article for the reading view. What is in the
// table was sanitised by the stage clean; it is again here, since others may
// write that topic too.
func (s *Server) readArticle(w http.ResponseWriter, r *http.Request) {
	q := parameters{w: w, r: r}
	reader := q.text("reader")
	if !q.done() {
		return
	}
	id := r.PathValue("id")
	e, found, err := s.articles.Get(id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !found {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no article %q: it may have become a copy of another, or be out of date", id))
		return
	}
	item := itemOf(e)
	if item.Marked, err = s.marked(reader, id); err != nil {
		s.fail(w, r, err)
		return
	}
	views.WriteJSON(w, http.StatusOK, Reading{item, content(e), s.pictured(e)})
}

// content is the article's HTML as elements, or its text as paragraphs.
func content(e topics.Entry) []sanitize.Node {
	nodes := sanitize.Tree(e.HTML)
	if len(nodes) == 0 {
		nodes = sanitize.Lines(e.Text)
	}
	if nodes == nil {
		nodes = []sanitize.Node{}
	}
	return nodes
}

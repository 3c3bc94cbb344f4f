package web

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// click notes that a reader opened or judged an article. Both must be there:
// else the topic would fill with what no stage can use.
func (s *Server) click(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Reader  string           `json:"reader"`
		Article string           `json:"article"`
		Kind    topics.ClickKind `json:"kind"`
	}
	if !readJSON(w, r, &body, false) {
		return
	}
	switch body.Kind {
	case topics.ClickOpen, topics.ClickUp, topics.ClickDown:
	default:
		views.WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("kind is %q, not %s, %s or %s",
			body.Kind, topics.ClickOpen, topics.ClickUp, topics.ClickDown))
		return
	}
	if _, found, err := s.readers.Get(body.Reader); err != nil {
		s.fail(w, r, err)
		return
	} else if !found {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no reader %q", body.Reader))
		return
	}
	if _, found, err := s.articles.Get(body.Article); err != nil {
		s.fail(w, r, err)
		return
	} else if !found {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no article %q", body.Article))
		return
	}
	c := topics.Click{Reader: body.Reader, Article: body.Article, Kind: body.Kind, At: s.cfg.Now().UTC()}
	if s.emitted(w, r, s.putClick.EmitAt(r.Context(), c.Reader, c, c.At)) {
		w.WriteHeader(http.StatusNoContent)
	}
}

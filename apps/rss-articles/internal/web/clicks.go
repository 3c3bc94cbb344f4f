package web

import (
	"fmt"
	"net/http"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// click notes that a reader opened or judged an article, for the matching and
// as a mark. Both must be there: else the topics would fill with what no stage
// can use.
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
	if !s.known(w, r, body.Reader, body.Article) {
		return
	}
	c := topics.Click{Reader: body.Reader, Article: body.Article, Kind: body.Kind, At: s.cfg.Now().UTC()}
	if !s.emitted(w, r, s.putClick.EmitAt(r.Context(), c.Reader, c, c.At)) {
		return
	}
	if s.emitted(w, r, s.mark(r.Context(), c.Reader, c.Article, func(m *topics.Mark) {
		if c.Kind == topics.ClickOpen {
			m.Read = true
		} else {
			m.Judged = c.Kind
		}
	})) {
		w.WriteHeader(http.StatusNoContent)
	}
}

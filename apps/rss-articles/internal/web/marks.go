package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/views"
)

// Marked is what a reader did with an article, in lists that were asked for
// with ?reader=.
type Marked struct {
	Read   bool             `json:"read,omitempty"`
	Judged topics.ClickKind `json:"judged,omitempty"`
}

// marked returns what a reader did with an article: nothing for no reader.
func (s *Server) marked(reader, article string) (Marked, error) {
	if reader == "" {
		return Marked{}, nil
	}
	m, _, err := s.marks.Get(topics.MarkKey(reader, article))
	return Marked{m.Read, m.Judged}, err
}

// mark changes a mark. One that says nothing any more is deleted.
func (s *Server) mark(ctx context.Context, reader, article string, change func(*topics.Mark)) error {
	key := topics.MarkKey(reader, article)
	m, found, err := s.marks.Get(key)
	if err != nil {
		return err
	}
	before := m
	change(&m)
	if m == before {
		return nil
	}
	if !m.Read && m.Judged == "" {
		if !found {
			return nil
		}
		return s.putMark.Delete(ctx, key)
	}
	m.Reader, m.Article, m.At = reader, article, s.cfg.Now().UTC()
	return s.putMark.Emit(ctx, key, m)
}

// setMark marks an article as read or unread.
func (s *Server) setMark(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Read *bool `json:"read"`
	}
	if !readJSON(w, r, &body, false) {
		return
	}
	if body.Read == nil {
		views.WriteProblem(w, http.StatusBadRequest, `the body must be {"read": true} or {"read": false}`)
		return
	}
	reader, article := r.PathValue("id"), r.PathValue("article")
	if !s.known(w, r, reader, article) {
		return
	}
	if s.emitted(w, r, s.mark(r.Context(), reader, article, func(m *topics.Mark) { m.Read = *body.Read })) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// known says whether there is a reader and an article; if not, it has answered.
func (s *Server) known(w http.ResponseWriter, r *http.Request, reader, article string) bool {
	if !s.knownReader(w, r, reader) {
		return false
	}
	_, found, err := s.articles.Get(article)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !found:
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no article %q", article))
	}
	return err == nil && found
}

func (s *Server) knownReader(w http.ResponseWriter, r *http.Request, reader string) bool {
	_, found, err := s.readers.Get(reader)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !found:
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no reader %q", reader))
	}
	return err == nil && found
}

// unmark deletes all marks of a reader who is removed.
func (s *Server) unmark(ctx context.Context, reader string) error {
	from, to := topics.ReadersMarks(reader)
	return s.deleteMarks(ctx, from, to, func(string, topics.Mark) bool { return true })
}

// deleteMarks deletes those in a range that a function picks.
func (s *Server) deleteMarks(ctx context.Context, from, to string, pick func(key string, m topics.Mark) bool) error {
	rows, failed := s.marks.Range(from, to)
	var keys []string
	for key, m := range rows {
		if pick(key, m) {
			keys = append(keys, key)
		}
	}
	if err := failed(); err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.putMark.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// stale is how old a mark must be to be removed for want of its article: the
// view of articles may be behind that of marks.
const stale = time.Hour

// sweepMarks deletes the marks whose articles went while nobody watched.
func (s *Server) sweepMarks(ctx context.Context, there map[string]bool) error {
	now := s.cfg.Now()
	return s.deleteMarks(ctx, "", "", func(key string, m topics.Mark) bool {
		return !there[topics.ArticleOfMark(key)] && now.Sub(m.At) > stale
	})
}

// articleGone deletes the marks of an article that was removed.
func (s *Server) articleGone(ctx context.Context, article string) error {
	rows, failed := s.readers.Range("", "")
	var marked []string
	for reader := range rows {
		key := topics.MarkKey(reader, article)
		if _, found, err := s.marks.Get(key); err != nil {
			return err
		} else if found {
			marked = append(marked, key)
		}
	}
	if err := failed(); err != nil {
		return err
	}
	for _, key := range marked {
		if err := s.putMark.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// marksChanged tells the pages.
func (s *Server) marksChanged(_ context.Context, rows []pipeline.RowChange) error {
	for _, r := range rows {
		var m topics.Mark
		reader, article, _ := strings.Cut(r.Key, "/")
		if !r.Deleted {
			if err := json.Unmarshal(r.Value, &m); err != nil {
				s.cfg.Logger.Warn("a mark cannot be read", "mark", r.Key, "error", err)
				continue
			}
		}
		s.hub.send("mark", struct {
			Reader  string `json:"reader"`
			Article string `json:"article"`
			Marked
		}{reader, article, Marked{m.Read, m.Judged}})
	}
	return nil
}

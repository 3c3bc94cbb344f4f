package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// maxFetching bounds the pictures that are fetched at a time.
const maxFetching = 8

// Pictured is a picture of an article that the page may show.
type Pictured struct {
	Alt string `json:"alt,omitempty"`
}

func (s *Server) pictured(e topics.Entry) (list []Pictured) {
	if s.cfg.Picture == nil {
		return nil
	}
	for _, p := range e.Pictures {
		list = append(list, Pictured{p.Alt})
	}
	return list
}

// picture answers with a picture of an article that is there, by its number. The
// server fetches it, so the page needs no other host, and the publisher sees the
// server and not the reader. No other site's page gets the server to do so.
func (s *Server) picture(w http.ResponseWriter, r *http.Request) {
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" && from != "none" {
		views.WriteProblem(w, http.StatusForbidden, "the request comes from another site's page")
		return
	}
	id := r.PathValue("id")
	e, found, err := s.articles.Get(id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if !found || err != nil || n < 0 || n >= len(s.pictured(e)) {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no picture %q of an article %q", r.PathValue("n"), id))
		return
	}
	body, err := s.fetchPicture(r.Context(), e.Pictures[n].URL)
	switch {
	case r.Context().Err() != nil:
		return // nobody is there to read it
	case err != nil:
		views.WriteProblem(w, http.StatusBadGateway, "the picture cannot be shown: "+err.Error())
		return
	}
	kind := http.DetectContentType(body)
	switch kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp": // no SVG, which is a document
	default:
		views.WriteProblem(w, http.StatusBadGateway, "the picture cannot be shown: it is "+kind)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(body) // whoever does not read it does not want it
}

func (s *Server) fetchPicture(ctx context.Context, address string) ([]byte, error) {
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return s.cfg.Picture(ctx, address)
}

package web

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/opml"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Import is what became of an OPML document.
type Import struct {
	Added    int      `json:"added"`
	Present  int      `json:"present"`  // subscribed to before
	Rejected []string `json:"rejected"` // why entries were not taken, up to 20
}

// maxRejected bounds the reasons in an Import.
const maxRejected = 20

func (m *Import) reject(why string) {
	if len(m.Rejected) < maxRejected {
		m.Rejected = append(m.Rejected, why)
	}
}

// importOPML subscribes to the feeds of a document. One that is damaged is
// refused as a whole.
func (s *Server) importOPML(w http.ResponseWriter, r *http.Request) {
	list, err := opml.Read(http.MaxBytesReader(w, r.Body, opml.MaxBytes))
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || errors.Is(err, opml.ErrTooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		views.WriteProblem(w, status, err.Error())
		return
	}
	there, err := s.countFeeds()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	result := Import{Rejected: []string{}}
	if list.Skipped > 0 {
		result.reject(fmt.Sprintf("%d entries whose address is none of the web", list.Skipped))
	}
	now := s.cfg.Now().UTC()
	var new []topics.Feed
	for _, f := range list.Feeds {
		address, err := FeedURL(f.URL)
		if err != nil {
			result.reject(err.Error())
			continue
		}
		if _, found, err := s.feeds.Get(address); err != nil {
			s.fail(w, r, err)
			return
		} else if found {
			result.Present++
			continue
		}
		if there+len(new) >= maxFeeds {
			result.reject(fmt.Sprintf("there are %d feeds now; remove some", maxFeeds))
			break
		}
		new = append(new, topics.Feed{URL: address, Title: short(f.Title, maxTitle-1), Added: now})
	}
	written := make(chan error, len(new))
	for n, f := range new {
		if err := s.putFeed.EmitAsync(r.Context(), f.URL, f, time.Time{}, func(err error) { written <- err }); err != nil {
			for range len(new) - n {
				written <- err
			}
			break
		}
	}
	var errs []error
	for range new {
		if err := <-written; err != nil {
			errs = append(errs, err)
			continue
		}
		result.Added++
	}
	if len(errs) > 0 {
		s.fail(w, r, fmt.Errorf("%d of %d feeds were added: %w", result.Added, len(new), errs[0]))
		return
	}
	views.WriteJSON(w, http.StatusOK, result)
}

// exportOPML answers with all subscriptions.
func (s *Server) exportOPML(w http.ResponseWriter, r *http.Request) {
	feeds, err := s.ListFeeds()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	list := opml.List{Title: "Subscriptions"}
	for _, f := range feeds {
		list.Feeds = append(list.Feeds, opml.Feed{URL: f.URL, Title: f.Title})
	}
	var b bytes.Buffer
	if err := opml.Write(&b, list, s.cfg.Now()); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/x-opml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="feeds.opml"`)
	_, _ = w.Write(b.Bytes()) // the client has gone
}

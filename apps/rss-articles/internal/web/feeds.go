package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline/views"
)

// Bounds of subscriptions.
const (
	maxFeeds = 5000
	maxURL   = 2048 // bytes
	maxTitle = 200  // characters
)

// FeedStatus is a subscription with what the fetcher knows of it.
type FeedStatus struct {
	URL       string        `json:"url"`
	Title     string        `json:"title"` // as subscribed, else the feed's own
	Added     time.Time     `json:"added"`
	Health    topics.Health `json:"health"`
	Error     string        `json:"error,omitempty"`
	Failures  int           `json:"failures,omitempty"`
	Location  string        `json:"location,omitempty"`
	Fetched   time.Time     `json:"fetched,omitzero"`
	Succeeded time.Time     `json:"succeeded,omitzero"`
	Next      time.Time     `json:"next,omitzero"`
	Items     int           `json:"items"`
}

// ListFeeds returns the subscriptions, by address.
func (s *Server) ListFeeds() ([]FeedStatus, error) {
	list := []FeedStatus{}
	rows, failed := s.feeds.Range("", "")
	for key, f := range rows {
		st, ok, err := s.states.Get(key)
		if err != nil {
			return nil, err
		}
		if !ok {
			st.Health = topics.HealthNew
		}
		fs := FeedStatus{URL: f.URL, Title: f.Title, Added: f.Added, Health: st.Health, Error: st.Error, Failures: st.Failures,
			Location: st.Location, Fetched: st.Fetched, Succeeded: st.Succeeded, Next: st.Next, Items: st.Items}
		if fs.Title == "" {
			fs.Title = st.Title
		}
		list = append(list, fs)
	}
	return list, failed()
}

func (s *Server) listFeeds(w http.ResponseWriter, r *http.Request) {
	list, err := s.ListFeeds()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	views.WriteJSON(w, http.StatusOK, map[string]any{"items": list})
}

// FeedURL checks the address of a feed and returns it in the form in which it
// is a key.
func FeedURL(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > maxURL {
		return "", fmt.Errorf("the address has more than %d bytes", maxURL)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || !utf8.ValidString(s):
		return "", fmt.Errorf("%q is not an address", s)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%q is not the address of a feed: it must begin with http:// or https:// and a host", s)
	case u.User != nil:
		return "", fmt.Errorf("the address of %s holds a user or password, which everyone who sees the feeds could read", u.Host)
	}
	u.Host = strings.ToLower(u.Host)
	u.Fragment, u.RawFragment = "", ""
	return u.String(), nil
}

// addFeed subscribes to a feed, or changes the title of a subscription.
func (s *Server) addFeed(w http.ResponseWriter, r *http.Request) {
	address, err := FeedURL(r.PathValue("url"))
	if err != nil {
		views.WriteProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	var body struct {
		Title string `json:"title"`
	}
	if !readJSON(w, r, &body, true) {
		return
	}
	if body.Title = strings.TrimSpace(body.Title); utf8.RuneCountInString(body.Title) > maxTitle {
		views.WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("the title has more than %d characters", maxTitle))
		return
	}
	f, found, err := s.feeds.Get(address)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if !found {
		if n, err := s.countFeeds(); err != nil {
			s.fail(w, r, err)
			return
		} else if n >= maxFeeds {
			views.WriteProblem(w, http.StatusConflict, fmt.Sprintf("there are %d feeds already; remove some", n))
			return
		}
		status = http.StatusCreated
		f = topics.Feed{URL: address, Added: s.cfg.Now().UTC()}
	}
	if f.Title = body.Title; !s.emitted(w, r, s.putFeed.Emit(r.Context(), address, f)) {
		return
	}
	views.WriteJSON(w, status, f)
}

func (s *Server) countFeeds() (n int, err error) {
	rows, failed := s.feeds.Range("", "")
	for range rows {
		n++
	}
	return n, failed()
}

// removeFeed unsubscribes. Its articles stay.
func (s *Server) removeFeed(w http.ResponseWriter, r *http.Request) {
	address := r.PathValue("url") // one that is not valid may be there all the same
	if len(address) > maxURL {
		views.WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("the address has more than %d bytes", maxURL))
		return
	}
	if _, found, err := s.feeds.Get(address); err != nil {
		s.fail(w, r, err)
		return
	} else if !found {
		views.WriteProblem(w, http.StatusNotFound, fmt.Sprintf("there is no feed %q", address))
		return
	}
	if s.emitted(w, r, s.putFeed.Delete(r.Context(), address)) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// emitted says whether a record was written; if not, it has answered.
func (s *Server) emitted(w http.ResponseWriter, r *http.Request, err error) bool {
	if err != nil {
		s.fail(w, r, err)
	}
	return err == nil
}

package views

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/pipeline"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	maxKey       = 4 << 10 // bytes of a key, a bound or a prefix
)

// Service is what the handler asks: a *pipeline.Service.
type Service interface {
	Topology() *pipeline.Topology
	Status() pipeline.Status
	Tables() []string
	Row(table, key string) (pipeline.Row, bool, error)
	Rows(table, from, to string, limit int) (rows []pipeline.Row, next string, err error)
	Watch(table, from, to string) (*pipeline.Watch, error)
}

// Handler answers queries about a service. It is safe for concurrent use.
func Handler(s Service) http.Handler {
	return newHandler(s, heartbeat)
}

func newHandler(s Service, beat time.Duration) http.Handler {
	h := handler{s, make(chan struct{}, maxStreams), beat}
	mux := http.NewServeMux()
	for pattern, f := range h.routes() {
		mux.HandleFunc(pattern, f)
	}
	return problems(mux)
}

func (h handler) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /v1/tables":                  h.tables,
		"GET /v1/tables/{table}":          h.list,
		"GET /v1/tables/{table}/{key...}": h.get,
		"GET /v1/topology":                h.topology,
		"GET /v1/status":                  h.status,
		"GET /v1/openapi.json":            openAPI,
		"GET /healthz":                    h.health,
		"GET /readyz":                     h.ready,
	}
}

type handler struct {
	s         Service
	streams   chan struct{} // holds an element for each stream
	heartbeat time.Duration
}

// problems gives the mux's own errors the form of the others.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			rec := &statusOnly{header: http.Header{}}
			mux.ServeHTTP(rec, r)
			if allow := rec.header.Get("Allow"); allow != "" {
				w.Header().Set("Allow", allow)
			}
			WriteProblem(w, max(rec.status, http.StatusNotFound), fmt.Sprintf("there is no %s %s", r.Method, r.URL.Path))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// statusOnly takes the status of an answer.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(n int)           { s.status = n }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

func (h handler) tables(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, map[string][]string{"tables": h.s.Tables()})
}

func (h handler) get(w http.ResponseWriter, r *http.Request) {
	table, key := r.PathValue("table"), r.PathValue("key")
	if len(key) > maxKey {
		WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("the key is longer than %d bytes", maxKey))
		return
	}
	if wantsEvents(r) {
		h.stream(w, r, key, key+"\x00")
		return
	}
	row, ok, err := h.s.Row(table, key)
	switch {
	case err != nil:
		fail(w, err)
	case !ok:
		WriteProblem(w, http.StatusNotFound, fmt.Sprintf("table %s has no key %q", table, key))
	default:
		writeTagged(w, r, row.Value)
	}
}

// page is a list of entries.
type page struct {
	Items []pipeline.Row `json:"items"`
	Next  string         `json:"next,omitempty"` // the from of the next page
	// NextBytes is the fromBase64 of the next page, where the key is not valid
	// UTF-8 and next cannot hold it.
	NextBytes []byte `json:"nextBase64,omitempty"`
}

func (h handler) list(w http.ResponseWriter, r *http.Request) {
	from, to, limit, err := bounds(r.URL.Query())
	if err != nil {
		WriteProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	if wantsEvents(r) {
		h.stream(w, r, from, to)
		return
	}
	rows, next, err := h.s.Rows(r.PathValue("table"), from, to, limit)
	if err != nil {
		fail(w, err)
		return
	}
	if rows == nil {
		rows = []pipeline.Row{}
	}
	p := page{Items: rows, Next: next}
	if !utf8.ValidString(next) {
		p.Next, p.NextBytes = "", []byte(next)
	}
	writeTagged(w, r, p)
}

// bounds reads which entries are wanted.
func bounds(q url.Values) (from, to string, limit int, err error) {
	for name := range q {
		switch name {
		case "from", "fromBase64", "to", "prefix", "limit":
			if len(q.Get(name)) > maxKey {
				return "", "", 0, fmt.Errorf("%s is longer than %d bytes", name, maxKey)
			}
		default:
			return "", "", 0, fmt.Errorf("there is no parameter %q: use from, to, prefix and limit", name)
		}
	}
	from, to, limit = q.Get("from"), q.Get("to"), defaultLimit
	if q.Has("fromBase64") {
		b, err := base64.StdEncoding.DecodeString(q.Get("fromBase64"))
		if err != nil || from != "" {
			return "", "", 0, errors.New("fromBase64 is not a nextBase64, or there is a from beside it")
		}
		from = string(b)
	}
	if q.Has("limit") {
		if limit, err = strconv.Atoi(q.Get("limit")); err != nil || limit < 1 || limit > maxLimit {
			return "", "", 0, fmt.Errorf("limit %q is not a number from 1 to %d", q.Get("limit"), maxLimit)
		}
	}
	if prefix := q.Get("prefix"); prefix != "" {
		if to != "" {
			return "", "", 0, errors.New("prefix and to exclude each other")
		}
		from, to = max(from, prefix), pipeline.PrefixEnd(prefix) // a from within the prefix goes on a page
	}
	return from, to, limit, nil
}

func (h handler) topology(w http.ResponseWriter, r *http.Request) {
	format := r.URL.Query().Get("format")
	if accept := r.Header.Get("Accept"); format == "" {
		switch {
		case strings.Contains(accept, "text/vnd.mermaid"):
			format = "mermaid"
		case strings.HasPrefix(accept, "text/plain"):
			format = "text"
		}
	}
	t := h.s.Topology()
	switch format {
	case "", "json":
		WriteJSON(w, http.StatusOK, t.Describe())
	case "text":
		text(w, http.StatusOK, t.String())
	case "mermaid":
		text(w, http.StatusOK, t.Mermaid())
	default:
		WriteProblem(w, http.StatusBadRequest, fmt.Sprintf("there is no format %q: use json, text or mermaid", format))
	}
}

func (h handler) status(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, h.s.Status())
}

func (h handler) health(w http.ResponseWriter, _ *http.Request) {
	st := h.s.Status()
	if st.Phase == pipeline.Failed {
		WriteProblem(w, http.StatusServiceUnavailable, st.Error)
		return
	}
	text(w, http.StatusOK, "ok\n")
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s)) // the client has gone
}

func fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, pipeline.ErrNoView):
		WriteProblem(w, http.StatusNotFound, err.Error())
	case errors.Is(err, pipeline.ErrNotRunning):
		w.Header().Set("Retry-After", "1")
		WriteProblem(w, http.StatusServiceUnavailable, err.Error())
	default:
		WriteProblem(w, http.StatusInternalServerError, err.Error())
	}
}

package views

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

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
}

// Handler answers queries about a service. It is safe for concurrent use.
func Handler(s Service) http.Handler {
	h := handler{s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/tables", h.tables)
	mux.HandleFunc("GET /v1/tables/{table}", h.list)
	mux.HandleFunc("GET /v1/tables/{table}/{key...}", h.get)
	mux.HandleFunc("GET /v1/topology", h.topology)
	mux.HandleFunc("GET /v1/status", h.status)
	mux.HandleFunc("GET /healthz", h.health)
	mux.HandleFunc("GET /readyz", h.ready)
	return problems(mux)
}

type handler struct{ s Service }

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
	row, ok, err := h.s.Row(table, key)
	switch {
	case err != nil:
		fail(w, err)
	case !ok:
		WriteProblem(w, http.StatusNotFound, fmt.Sprintf("table %s has no key %q", table, key))
	default:
		WriteJSON(w, http.StatusOK, row.Value)
	}
}

// page is a list of entries.
type page struct {
	Items []pipeline.Row `json:"items"`
	Next  string         `json:"next,omitempty"` // the from of the next page
}

func (h handler) list(w http.ResponseWriter, r *http.Request) {
	from, to, limit, err := bounds(r.URL.Query())
	if err != nil {
		WriteProblem(w, http.StatusBadRequest, err.Error())
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
	WriteJSON(w, http.StatusOK, page{rows, next})
}

// bounds reads which entries are wanted.
func bounds(q url.Values) (from, to string, limit int, err error) {
	for name := range q {
		switch name {
		case "from", "to", "prefix", "limit":
			if len(q.Get(name)) > maxKey {
				return "", "", 0, fmt.Errorf("%s is longer than %d bytes", name, maxKey)
			}
		default:
			return "", "", 0, fmt.Errorf("there is no parameter %q: use from, to, prefix and limit", name)
		}
	}
	from, to, limit = q.Get("from"), q.Get("to"), defaultLimit
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

func (h handler) ready(w http.ResponseWriter, _ *http.Request) {
	st := h.s.Status()
	if !st.Ready {
		detail := "the service is " + string(st.Phase)
		for _, p := range st.Processors {
			if p.Phase != pipeline.Running {
				detail += fmt.Sprintf("; processor %s is %s", p.Name, p.Phase)
			}
			for _, part := range p.Partitions {
				if h := part.Hung; h != nil {
					detail += fmt.Sprintf("; processor %s: the handler of the record at topic %s, partition %d, offset %d hangs since %s",
						p.Name, h.Topic, part.ID, h.Offset, h.Since.UTC().Format(time.RFC3339))
				}
			}
		}
		WriteProblem(w, http.StatusServiceUnavailable, detail)
		return
	}
	text(w, http.StatusOK, "ready\n")
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

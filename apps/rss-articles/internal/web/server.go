package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/search"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/views"
)

// Views are the tables that a service must keep views of for a Server.
func Views() []pipeline.Ref {
	return []pipeline.Ref{topics.Articles, topics.Feeds, topics.FeedStates, topics.Readers, topics.Recommendations, topics.Marks}
}

// Config configures a Server. The zero value of a field is its default.
type Config struct {
	// Service has the Views and runs a topology with the topics of package
	// topics. Required.
	Service *pipeline.Service
	// Logger gets what happens. Default slog.Default().
	Logger *slog.Logger
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Retry is how long to wait before a table that could not be followed is
	// read again. Default 500 ms.
	Retry time.Duration
	// Heartbeat is how often an event stream says that it is alive. Default
	// 15 s.
	Heartbeat time.Duration
	// MaxClients bounds the event streams that are open at a time. Default
	// 100.
	MaxClients int
	// Picture fetches a picture of an article from the web when a reader wants to
	// see it, within bounds of size and time. Default: pictures are not shown.
	Picture func(ctx context.Context, url string) ([]byte, error)
	// MaxArticles bounds the list of the newest articles, and the search.
	// Default 5,000.
	MaxArticles int
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Retry == 0 {
		c.Retry = 500 * time.Millisecond
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.MaxClients == 0 {
		c.MaxClients = 100
	}
	if c.MaxArticles == 0 {
		c.MaxArticles = 5000
	}
	return c
}

// Server answers the page's requests. It is safe for concurrent use.
type Server struct {
	cfg   Config
	hub   *hub
	idx   *index
	found *search.Index

	fetching chan struct{} // one for each picture that is being fetched

	articles pipeline.View[topics.Entry]
	feeds    pipeline.View[topics.Feed]
	states   pipeline.View[topics.FeedState]
	readers  pipeline.View[topics.Reader]
	shelves  pipeline.View[topics.Shelf]
	marks    pipeline.View[topics.Mark]

	putFeed   *pipeline.Emitter[topics.Feed]
	putReader *pipeline.Emitter[topics.Reader]
	putClick  *pipeline.Emitter[topics.Click]
	putMark   *pipeline.Emitter[topics.Mark]
}

// New returns a server. Its lists of articles and its events need Run.
func New(c Config) (*Server, error) {
	if c.Service == nil {
		return nil, errors.New("web: Config.Service is required")
	}
	c = c.withDefaults()
	s := &Server{cfg: c, hub: newHub(c.MaxClients), idx: newIndex(c.MaxArticles), found: search.New(), fetching: make(chan struct{}, maxFetching)}
	var errs [10]error
	s.articles, errs[0] = pipeline.ViewOf(c.Service, topics.Articles)
	s.feeds, errs[1] = pipeline.ViewOf(c.Service, topics.Feeds)
	s.states, errs[2] = pipeline.ViewOf(c.Service, topics.FeedStates)
	s.readers, errs[3] = pipeline.ViewOf(c.Service, topics.Readers)
	s.shelves, errs[4] = pipeline.ViewOf(c.Service, topics.Recommendations)
	s.putFeed, errs[5] = pipeline.EmitterOf(c.Service, topics.Feeds)
	s.putReader, errs[6] = pipeline.EmitterOf(c.Service, topics.Readers)
	s.putClick, errs[7] = pipeline.EmitterOf(c.Service, topics.Clicks)
	s.marks, errs[8] = pipeline.ViewOf(c.Service, topics.Marks)
	s.putMark, errs[9] = pipeline.EmitterOf(c.Service, topics.Marks)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return s, nil
}

// Run follows the tables until ctx ends. When it returns, all event streams
// have been told to end.
func (s *Server) Run(ctx context.Context) error {
	defer s.hub.close()
	s.watch(ctx)
	return nil
}

// Handler returns the handler of all paths, without a Guard.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/articles", methods{"GET": s.listArticles})
	mux.Handle("/v1/feeds", methods{"GET": s.listFeeds})
	mux.Handle("/v1/feeds/{url...}", methods{"PUT": s.addFeed, "DELETE": s.removeFeed})
	mux.Handle("/v1/opml", methods{"GET": s.exportOPML, "POST": s.importOPML})
	mux.Handle("/v1/readers", methods{"GET": s.listReaders})
	mux.Handle("/v1/readers/{id}", methods{"PUT": s.setReader, "DELETE": s.removeReader})
	mux.Handle("/v1/articles/{id}", methods{"GET": s.readArticle})
	mux.Handle("/v1/articles/{id}/pictures/{n}", methods{"GET": s.picture})
	mux.Handle("/v1/search", methods{"GET": s.searchArticles})
	mux.Handle("/v1/readers/{id}/marks/{article}", methods{"PUT": s.setMark})
	mux.Handle("/v1/readers/{id}/recommendations", methods{"GET": s.recommendations})
	mux.Handle("/v1/readers/{id}/feed.atom", methods{"GET": s.syndicate("application/atom+xml; charset=utf-8", atom)})
	mux.Handle("/v1/readers/{id}/feed.json", methods{"GET": s.syndicate("application/feed+json; charset=utf-8", jsonFeed)})
	mux.Handle("/v1/clicks", methods{"POST": s.click})
	mux.Handle("/v1/events", methods{"GET": s.events})
	tables := views.Handler(s.cfg.Service)
	mux.Handle("/v1/", tables)
	mux.Handle("/healthz", tables)
	mux.Handle("/readyz", tables)
	mux.Handle("/", methods{"GET": files().ServeHTTP})
	return mux
}

// methods answers each method of a path, and others with a problem.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		h(w, r)
		return
	}
	var allowed []string
	for name := range m {
		allowed = append(allowed, name)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	views.WriteProblem(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not possible at %s; use %s", r.Method, r.URL.Path, strings.Join(allowed, " or ")))
}

// fail answers with what an error of the service stands for.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil:
		return // nobody is there to read it
	case errors.Is(err, pipeline.ErrNotRunning):
		w.Header().Set("Retry-After", "1")
		views.WriteProblem(w, http.StatusServiceUnavailable, err.Error())
	default:
		s.cfg.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		views.WriteProblem(w, http.StatusInternalServerError, err.Error())
	}
}

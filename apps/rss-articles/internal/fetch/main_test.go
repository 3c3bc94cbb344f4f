package fetch

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Store and a Sink in memory.
type world struct {
	mu     sync.Mutex
	feeds  []topics.Feed
	states map[string]topics.FeedState
	items  []clean.Raw
	saves  int
	emit   func([]clean.Raw) error // called first, if there
	save   func(topics.FeedState) error
}

func newWorld(urls ...string) *world {
	w := &world{states: map[string]topics.FeedState{}}
	for _, u := range urls {
		w.feeds = append(w.feeds, topics.Feed{URL: u})
	}
	return w
}

func (w *world) Feeds(context.Context) ([]topics.Feed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.feeds), nil
}

func (w *world) State(_ context.Context, url string) (topics.FeedState, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.states[url]
	return s, ok, nil
}

func (w *world) Save(_ context.Context, s topics.FeedState) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.save != nil {
		if err := w.save(s); err != nil {
			return err
		}
	}
	w.states[s.URL] = s
	w.saves++
	return nil
}

func (w *world) Forget(_ context.Context, url string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.states, url)
	return nil
}

func (w *world) Emit(_ context.Context, items []clean.Raw) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.emit != nil {
		if err := w.emit(items); err != nil {
			return err
		}
	}
	w.items = append(w.items, items...)
	return nil
}

func (w *world) set(urls ...string) {
	n := newWorld(urls...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.feeds = n.feeds
}

func (w *world) state(url string) topics.FeedState {
	s, _, _ := w.State(context.Background(), url)
	return s
}

func (w *world) titles() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ts []string
	for _, i := range w.items {
		ts = append(ts, i.Item.Title)
	}
	return ts
}

func (w *world) known() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.states))
}

// inProcess is a transport to a handler, without a network.
type inProcess struct{ h http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// run starts a fetcher whose end the test waits for.
func run(t *testing.T, w *world, c Config) (f *Fetcher, stop func()) {
	t.Helper()
	c.Store, c.Sink, c.Logger = w, w, slog.New(slog.DiscardHandler)
	if c.Rand == nil {
		c.Rand = func() float64 { return 0.5 }
	}
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return f, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// pass lets time pass in a bubble of testing/synctest, which costs none.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// rss is a feed with items of these titles.
func rss(titles ...string) string {
	var b strings.Builder
	b.WriteString(`<rss version="2.0"><channel><title>F</title>`)
	for _, s := range titles {
		b.WriteString("<item><title>" + s + "</title><link>https://e.example/" + s + "</link></item>")
	}
	return b.String() + "</channel></rss>"
}

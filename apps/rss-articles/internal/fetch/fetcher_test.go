package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// server is a handler whose answers a test sets, and which notes the requests.
type server struct {
	mu       sync.Mutex
	answer   map[string]http.HandlerFunc // by URL
	requests []*http.Request
	times    []time.Time
	now      int // requests that run
	most     int // the most of them at one time
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.times = append(s.times, time.Now())
	s.now++
	s.most = max(s.most, s.now)
	h := s.answer[r.URL.String()]
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h(w, r)
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func (s *server) set(url string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == nil {
		s.answer = map[string]http.HandlerFunc{}
	}
	s.answer[url] = h
}

func body(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

func TestSubscriptionsChangeWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("A1")))
		s.set("http://b.example/f", body(rss("B1")))
		w := newWorld("http://a.example/f")
		f, stop := run(t, w, Config{Transport: inProcess{&s}})
		defer stop()
		pass(time.Second)
		w.set("http://a.example/f", "http://b.example/f")
		f.Changed()
		synctest.Wait()
		if got := w.titles(); !slices.Equal(got, []string{"A1", "B1"}) {
			t.Errorf("items %v", got)
		}
		w.set("http://b.example/f")
		pass(3 * time.Second) // without a word
		if got := w.known(); !slices.Equal(got, []string{"http://b.example/f"}) {
			t.Errorf("states %v after one was removed", got)
		}
		w.set("http://a.example/f", "http://b.example/f")
		f.Changed()
		synctest.Wait()
		if got := w.known(); len(got) != 2 {
			t.Errorf("states %v after it came back", got)
		}
	})
}

func TestOnlyNewAndChangedItemsAreEmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("2", "1")))
		w := newWorld("http://a.example/f")
		_, stop := run(t, w, Config{Transport: inProcess{&s}})
		defer stop()
		pass(time.Second)
		s.set("http://a.example/f", body(rss("3", "2", "1")))
		pass(time.Hour)
		s.set("http://a.example/f", body(rss("3 again", "2")))
		pass(5 * time.Hour)
		if got := w.titles(); !slices.Equal(got, []string{"1", "2", "3", "3 again"}) {
			t.Errorf("items %v", got)
		}
	})
}

func TestStateIsSavedAfterTheItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		w := newWorld("http://a.example/f")
		failures := 3
		w.emit = func([]clean.Raw) error {
			if w.saves > 0 {
				t.Error("the state was saved first")
			}
			if failures--; failures >= 0 {
				return errors.New("the broker is away")
			}
			return nil
		}
		saves := 2
		w.save = func(topics.FeedState) error {
			if saves--; saves >= 0 {
				return errors.New("the broker is away")
			}
			return nil
		}
		_, stop := run(t, w, Config{Transport: inProcess{&s}})
		pass(5 * time.Minute)
		stop()
		if w.saves != 1 || !slices.Equal(w.titles(), []string{"1"}) || s.count() != 1 {
			t.Errorf("%d saves, items %v, %d requests", w.saves, w.titles(), s.count())
		}
	})
}

func TestWhatCannotBeWrittenIsFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		w := newWorld("http://a.example/f")
		away := true
		w.emit = func([]clean.Raw) error {
			if away {
				return errors.New("the broker is away")
			}
			return nil
		}
		_, stop := run(t, w, Config{Transport: inProcess{&s}})
		pass(time.Hour)
		if n := s.count(); n < 2 || n > 15 {
			t.Errorf("%d requests in an hour without a broker", n)
		}
		w.mu.Lock()
		away = false
		w.mu.Unlock()
		pass(10 * time.Minute)
		stop()
		if !slices.Equal(w.titles(), []string{"1"}) {
			t.Errorf("items %v", w.titles())
		}
	})
}

// TestItemsOfOneAddress polls a podcast whose episodes all link to its home page:
// each comes once, with what tells it apart.
func TestItemsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const from, to = `<rss version="2.0"><channel><title>F</title>`, `</channel></rss>`
		episode := func(n string) string {
			return "<item><title>Episode " + n + "</title><guid>" + n + "</guid><link>https://e.example/</link></item>"
		}
		var s server
		s.set("http://a.example/f", body(from+episode("2")+episode("1")+to))
		w := newWorld("http://a.example/f")
		_, stop := run(t, w, Config{Transport: inProcess{&s}})
		defer stop()
		pass(time.Minute)
		s.set("http://a.example/f", body(from+episode("3")+episode("2")+to))
		pass(5 * time.Hour)
		ids := map[string]bool{}
		for _, raw := range w.items {
			a, err := clean.Clean(raw)
			if err != nil {
				t.Error(err)
			}
			ids[a.ID] = true
		}
		if got := w.titles(); len(ids) != 3 || !slices.Equal(got, []string{"Episode 1", "Episode 2", "Episode 3"}) {
			t.Errorf("%v, which are %d articles", got, len(ids))
		}
	})
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestManners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		var urls []string
		for i := range 20 {
			url := fmt.Sprintf("http://a.example/%d", i)
			urls = append(urls, url)
			s.set(url, func(w http.ResponseWriter, r *http.Request) {
				<-time.After(2 * time.Second)
				body(rss(r.URL.Path))(w, r)
			})
		}
		w := newWorld(urls...)
		_, stop := run(t, w, Config{Transport: inProcess{&s}, HostConcurrency: 3, HostDelay: time.Second})
		defer stop()
		pass(time.Minute)
		if len(w.titles()) != 20 || s.most > 3 {
			t.Errorf("%d items, %d requests at a time at one host", len(w.titles()), s.most)
		}
		for i := range s.times[1:] {
			if d := s.times[i+1].Sub(s.times[i]); d < time.Second {
				t.Errorf("a request %v after the one before", d)
			}
		}
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		var urls []string
		for i := range 50 {
			url := fmt.Sprintf("http://h%d.example/f", i)
			urls = append(urls, url)
			s.set(url, func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(5 * time.Second):
				case <-r.Context().Done():
				}
				body(rss("1"))(w, r)
			})
		}
		_, stop := run(t, newWorld(urls...), Config{Transport: inProcess{&s}, Concurrency: 7})
		defer stop()
		pass(time.Minute)
		if s.most != 7 || s.count() != 50 {
			t.Errorf("%d requests, %d at a time", s.count(), s.most)
		}
	})
}

func TestRestartPollsNothingBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		s.set("http://b.example/f", status(500))
		w := newWorld("http://a.example/f", "http://b.example/f")
		c := Config{Transport: inProcess{&s}}
		for range 5 {
			_, stop := run(t, w, c)
			pass(time.Minute)
			stop()
		}
		if s.count() != 2 {
			t.Errorf("%d requests over five starts, want 2", s.count())
		}
	})
}

// TestNextPollCountsFromTheAnswer polls a feed whose answers, and a host whose
// robots.txt, take long: what they ask for, and the least time between two
// requests, is kept all the same.
func TestNextPollCountsFromTheAnswer(t *testing.T) {
	slow := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			<-time.After(20 * time.Second)
			h(w, r)
		}
	}
	for name, c := range map[string]struct {
		feed, robots http.HandlerFunc
		config       Config
		least        time.Duration // from an answer to the next request
	}{
		"max-age": {slow(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=3600")
			fmt.Fprint(w, rss("1"))
		}), nil, Config{}, time.Hour},
		// Of what is not the whole host's, since the schedule of hosts keeps that by itself.
		"the least after a failure": {slow(status(500)), nil, Config{}, 10 * time.Minute},
		"the program's own":         {slow(body(rss("1"))), nil, Config{OwnHosts: []string{"a.example"}, OwnInterval: time.Minute}, time.Minute},
		// The request comes late and is answered at once.
		"robots": {body(rss("1")), slow(status(404)), Config{Robots: true, Default: 10 * time.Minute}, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var answered []time.Time
				var least time.Duration = 1 << 62
				var s server
				s.set("http://a.example/f", func(w http.ResponseWriter, r *http.Request) {
					if n := len(answered); n > 0 {
						least = min(least, time.Since(answered[n-1]))
					}
					c.feed(w, r)
					answered = append(answered, time.Now())
				})
				if c.robots != nil {
					s.set("http://a.example/robots.txt", c.robots)
				}
				config := c.config
				config.Transport, config.Rand = inProcess{&s}, func() float64 { return 0 }
				_, stop := run(t, newWorld("http://a.example/f"), config)
				defer stop()
				pass(3 * time.Hour)
				if len(answered) < 3 || least < c.least {
					t.Errorf("%d answers, and a request %v after one; want %v", len(answered), least, c.least)
				}
			})
		})
	}
}

// TestStopIsGraceful stops while a request hangs and while items are written.
func TestStopIsGraceful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "hangs.example" {
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, rss("1"))
		})
		w := newWorld("http://hangs.example/f", "http://a.example/f")
		slow := &slowSink{world: w, started: make(chan struct{})}
		f, err := New(Config{Store: w, Sink: slow, Transport: serve(t, hang), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		<-slow.started
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if len(w.titles()) != 1 || w.state("http://a.example/f").Health != topics.HealthOK {
			t.Error("the items that were being written are lost")
		}
		if s := w.state("http://hangs.example/f"); s.Health != "" {
			t.Errorf("a request that we broke off counts as %+v", s)
		}
	})
}

type slowSink struct {
	*world
	started chan struct{}
}

func (s *slowSink) Emit(ctx context.Context, items []clean.Raw) error {
	close(s.started)
	select {
	case <-time.After(2 * time.Second):
		return s.world.Emit(ctx, items)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestStopDoesNotWaitForEver stops while items cannot be written at all.
func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		w := newWorld("http://a.example/f")
		w.emit = func([]clean.Raw) error { return errors.New("the broker is away") }
		var log strings.Builder // of errors
		f, err := New(Config{Store: w, Sink: w, Transport: inProcess{&s}, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		pass(3 * time.Minute)
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if log.Len() > 0 {
			t.Errorf("a stop is told as an error: %s", &log)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if w.saves != 0 {
			t.Error("the state was saved without the items")
		}
	})
}

// TestADay polls 2,000 feeds of different habits for a day: each item comes
// once, busy feeds are asked more often than silent ones, and goroutines do not
// grow. By default it is a twentieth of them: MILLRACE_SOAK=1 asks for all.
func TestADay(t *testing.T) {
	feeds := 100
	if os.Getenv("MILLRACE_SOAK") != "" {
		feeds = 2000
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		requests := make([]int, feeds)
		published := func(n int, now time.Time) int {
			return int(now.Sub(began) / (time.Duration(n%40+1) * 15 * time.Minute))
		}
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var n int
			if _, err := fmt.Sscanf(r.Host, "h%d.example", &n); err != nil {
				http.NotFound(w, r)
				return
			}
			requests[n]++ // one at a time: each feed has a host
			count := published(n, time.Now())
			tag := fmt.Sprintf(`"%d"`, count)
			w.Header().Set("ETag", tag)
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			var titles []string
			for i := count; i >= max(0, count-10); i-- {
				titles = append(titles, fmt.Sprintf("%d-%d", n, i))
			}
			fmt.Fprint(w, rss(titles...))
		})
		w := newWorld()
		for i := range feeds {
			w.feeds = append(w.feeds, topics.Feed{URL: fmt.Sprintf("http://h%d.example/f", i)})
		}
		_, stop := run(t, w, Config{Transport: inProcess{h}, Refresh: 5 * time.Minute, Concurrency: 8, Rand: rand.Float64})
		pass(2 * time.Hour)
		routines := runtime.NumGoroutine()
		pass(22 * time.Hour)
		if n := runtime.NumGoroutine(); n > routines+10 {
			t.Errorf("%d goroutines, %d after two hours", n, routines)
		}
		stop()
		seen, twice := map[string]bool{}, 0
		for _, s := range w.titles() {
			if seen[s] {
				twice++
			}
			seen[s] = true
		}
		busy, silent, all, missing := 0, 0, 0, 0
		for n, r := range requests {
			all += r
			switch n % 40 {
			case 0:
				busy += r
			case 39:
				silent += r
			}
			for i := range published(n, time.Now().Add(-4*time.Hour)) {
				if !seen[fmt.Sprintf("%d-%d", n, i)] {
					missing++
				}
			}
		}
		t.Logf("%d feeds, %d requests in 24 h, %d items; %d requests for each busy feed, %d for each silent one",
			feeds, all, len(seen), busy*40/feeds, silent*40/feeds)
		if twice > 0 || missing > 0 || busy < 3*silent {
			t.Errorf("%d items twice, %d missing, %d requests for busy feeds and %d for silent ones", twice, missing, busy, silent)
		}
	})
}

func TestStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		w := &failingStore{world: newWorld("http://a.example/f"), failures: 3}
		f, err := New(Config{Store: w, Sink: w.world, Transport: inProcess{&s}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		pass(30 * time.Second)
		cancel()
		if err := <-done; err != nil || !slices.Equal(w.titles(), []string{"1"}) {
			t.Errorf("%v, %v", err, w.titles())
		}
	})
}

// failingStore fails at first, as a view does before it is open.
type failingStore struct {
	*world
	failures int
}

func (s *failingStore) Feeds(ctx context.Context) ([]topics.Feed, error) {
	if s.failures--; s.failures >= 0 {
		return nil, errors.New("not open yet")
	}
	return s.world.Feeds(ctx)
}

func TestUserAgentAndHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", body(rss("1")))
		_, stop := run(t, newWorld("http://a.example/f"), Config{Transport: inProcess{&s}})
		pass(time.Second)
		stop()
		h := s.requests[0].Header
		if !strings.Contains(h.Get("User-Agent"), "Millrace") || h.Get("Accept-Encoding") != "gzip, br, deflate" || !strings.Contains(h.Get("Accept"), "rss") {
			t.Errorf("%v", h)
		}
	})
}

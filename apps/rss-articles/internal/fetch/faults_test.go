package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// pipes is a network in memory, whose waits testing/synctest understands: real
// HTTP between a real server and a real client.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve starts a server; every host name leads to it.
func serve(t *testing.T, h http.Handler) *http.Transport {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h, ErrorLog: nil}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(p); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	transport := &http.Transport{DialContext: p.dial, DisableCompression: true, ResponseHeaderTimeout: 20 * time.Second}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-ended
	})
	return transport
}

const testBody = 1 << 20 // MaxBody of these tests

// fault is a way in which a server misbehaves.
type fault struct {
	name   string
	serve  http.HandlerFunc
	health topics.Health
	want   []string // in the error: the thing and the remedy
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func packed(encoding string, size int) http.HandlerFunc {
	var b bytes.Buffer
	var w io.WriteCloser
	if encoding == "br" {
		w = brotli.NewWriterLevel(&b, 1)
	} else {
		w, _ = gzip.NewWriterLevel(&b, 1)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(zeros) // to memory
	}
	_ = w.Close()
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", encoding)
		_, _ = rw.Write(b.Bytes()) // the client hangs up
	}
}

func endless(counted *atomic.Int64, size int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if size > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		block := bytes.Repeat([]byte("<item>"), 1000)
		for size <= 0 || counted.Load() < size {
			n, err := w.Write(block)
			counted.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
}

func faults(counted *atomic.Int64) []fault {
	const failing = topics.HealthFailing
	return []fault{
		{"gone", status(410), topics.HealthGone, []string{"410 Gone", "subscribe to it again"}},
		{"not found", status(404), failing, []string{"404 Not Found", "check the address"}},
		{"login", status(401), failing, []string{"401", "login"}},
		{"forbidden", status(403), failing, []string{"403", "does not let this program in"}},
		{"too many requests", status(429, "Retry-After", "3600"), failing, []string{"429 Too Many Requests", "left alone for 1h0m0s"}},
		{"server error", status(500), failing, []string{"500", "tried again"}},
		{"unavailable", status(503, "Retry-After", "120"), failing, []string{"503", "overloaded", "tried again"}},
		{"not modified, unasked", status(304), failing, []string{"304"}},
		{"partial", status(206), failing, []string{"206"}},
		{"circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, failing,
			[]string{"redirects in a circle", "open it in a browser"}},
		{"endless redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusMovedPermanently)
		}, failing,
			[]string{"redirects more than 10 times", "open it in a browser"}},
		{"redirect to a file", status(302, "Location", "file:///etc/passwd"), failing, []string{"neither http nor https", "check the address"}},
		{"redirect to nowhere", status(302), failing, []string{"302"}},
		{"hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, failing, []string{"no complete answer within", "tried again"}},
		{"slow drip", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(3 * time.Second):
				case <-r.Context().Done():
				}
			}
		}, failing, []string{"no complete answer within 30s", "tried again"}},
		{"endless body", endless(counted, 0), failing, []string{"more than 1048576 bytes", "limit"}},
		{"100 MB", endless(counted, 100<<20), failing, []string{"more than 1048576 bytes", "limit"}},
		{"gzip bomb", packed("gzip", 16<<20), failing, []string{"more than 1048576 bytes", "limit"}},
		{"br bomb", packed("br", 16<<20), failing, []string{"more than 1048576 bytes", "limit"}},
		{"unknown encoding", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "zork")
			fmt.Fprint(w, rss("1"))
		}, failing, []string{"content encoding \"zork\"", "only gzip, br and deflate"}},
		{"broken gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "\x1f\x8b\x08\x00rubbish that is no gzip")
		}, failing, []string{"http://e.example/f"}},
		{"page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head>`)
		}, failing, []string{"web page, not a feed", "subscribe to http://e.example/feed.xml"}},
		{"page without a feed", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<!doctype html><body>404`) }, failing,
			[]string{"is not a feed", "check the address"}},
		{"empty", body(""), failing, []string{"is empty"}},
		{"truncated without an item", body(`<rss version="2.0"><channel><title>F`), failing, []string{"cannot be read", "validator"}},
		{"entity bomb", body(`<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>`),
			failing, []string{"entities", "validator"}},
		{"deep", body(`<rss version="2.0"><channel>` + strings.Repeat("<a>", 100_000)), failing, []string{"nested too deeply"}},
		{"closes mid-body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, rss("1"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, failing, []string{"closed the connection in the middle", "tried again"}},
		{"closes at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, failing, []string{"closed the connection"}},
		// These work.
		{"wrong content type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, rss("1"))
		}, topics.HealthOK, nil},
		{"encoding that is a lie", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, rss("1"))
		}, topics.HealthOK, nil},
		{"truncated", body(strings.TrimSuffix(rss("1", "2"), "</item></channel></rss>")), topics.HealthOK, nil},
		{"year 9999", body(`<rss version="2.0"><channel><item><title>1</title><pubDate>Fri, 31 Dec 9999 23:59:59 GMT</pubDate></item></channel></rss>`), topics.HealthOK, nil},
	}
}

// documented makes of a message what the documentation says: that begins after
// the address, and with the default of MaxBody.
var documented = strings.NewReplacer("http://e.example/f ", "", fmt.Sprint(testBody), fmt.Sprint(10<<20))

// TestFaults fetches from servers with every fault. Each gives a clear message
// or works, in bounded time and memory, and does not hold up the feed beside
// it. One request is made within a minute.
//
// What is said of a feed that fails stands in docs/rss-articles.md, word for word.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/rss-articles.md")
	if err != nil {
		t.Fatal(err)
	}
	var counted atomic.Int64
	for _, x := range faults(&counted) {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counted.Store(0)
				transport := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Host == "good.example" {
						fmt.Fprint(w, rss("good"))
						return
					}
					x.serve(w, r)
				}))
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				w := newWorld("http://e.example/f", "http://good.example/f")
				_, stop := run(t, w, Config{Transport: transport, MaxBody: testBody, Timeout: 30 * time.Second})
				defer stop()
				pass(time.Second)
				if s := w.state("http://good.example/f"); s.Health != topics.HealthOK {
					t.Errorf("the feed beside it: %+v", s)
				}
				pass(time.Minute)
				runtime.ReadMemStats(&after)
				s := w.state("http://e.example/f")
				if s.Health != x.health || (s.Error == "") != (x.health == topics.HealthOK) {
					t.Fatalf("health %q, error %q", s.Health, s.Error)
				}
				for _, part := range append([]string{""}, x.want...) {
					if !strings.Contains(s.Error, part) {
						t.Errorf("error %q, want %q in it", s.Error, part)
					}
				}
				if x.health == topics.HealthOK {
					if n := len(w.titles()); n != 2 {
						t.Errorf("items %v", w.titles())
					}
				} else if !strings.Contains(s.Error, ": ") || !strings.Contains(s.Error, "e.example") {
					t.Errorf("error %q does not name the thing", s.Error)
				} else if row := "| " + documented.Replace(s.Error) + " |\n"; !strings.Contains(string(text), row) {
					t.Errorf("docs/rss-articles.md lacks a row that ends in %s", row)
				}
				if n := counted.Load(); n > 2*testBody {
					t.Errorf("%d bytes were read", n)
				}
				if used := after.TotalAlloc - before.TotalAlloc; used > 64*testBody {
					t.Errorf("%d bytes were allocated", used)
				}
				if x.health == topics.HealthGone != s.Next.IsZero() || x.health != topics.HealthGone && s.Next.Before(time.Now()) {
					t.Errorf("due at %v", s.Next)
				}
			})
		})
	}
}

// TestFailuresBackOff lets a feed fail for a week, and come back.
func TestFailuresBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", status(500))
		w := newWorld("http://a.example/f")
		_, stop := run(t, w, Config{Transport: inProcess{&s}, Refresh: time.Minute})
		defer stop()
		pass(7 * 24 * time.Hour)
		if n := s.count(); n < 10 || n > 20 {
			t.Errorf("%d requests in a week of failures", n)
		}
		s.set("http://a.example/f", body(rss("1")))
		pass(30 * time.Hour)
		if st := w.state("http://a.example/f"); st.Health != topics.HealthOK || st.Failures != 0 || st.Error != "" {
			t.Errorf("%+v", st)
		}
	})
}

// TestRetryAfter asks for peace for a whole host.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/1", status(429, "Retry-After", "7200"))
		s.set("http://a.example/2", body(rss("2")))
		w := newWorld("http://a.example/1", "http://a.example/2")
		_, stop := run(t, w, Config{Transport: inProcess{&s}, HostConcurrency: 1, HostDelay: time.Second, Rand: func() float64 { return 0 }})
		defer stop()
		pass(time.Hour + 59*time.Minute)
		n := s.count()
		pass(2 * time.Minute)
		if s.count() <= n || n > 2 { // the second may have been first
			t.Errorf("%d requests in the time of peace, %d soon after", n, s.count()-n)
		}
	})
}

// TestRetryAfterOutlivesARestart asks for peace, and the fetcher is started anew.
func TestRetryAfterOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/1", status(503, "Retry-After", "7200"))
		s.set("http://a.example/2", body(rss("2")))
		w := newWorld("http://a.example/1")
		c := Config{Transport: inProcess{&s}, Rand: func() float64 { return 0 }}
		_, stop := run(t, w, c)
		pass(time.Minute)
		stop()
		w.set("http://a.example/1", "http://a.example/2")
		_, stop = run(t, w, c)
		defer stop()
		pass(time.Hour + 58*time.Minute)
		if n := s.count(); n != 1 {
			t.Errorf("%d requests in the time of peace, want that of before", n)
		}
		s.set("http://a.example/1", body(rss("1")))
		pass(2 * time.Minute)
		if st := w.state("http://a.example/1"); s.count() != 3 || !st.HostQuiet.IsZero() {
			t.Errorf("%d requests soon after, want two more; the state of the first is %+v", s.count(), st)
		}
	})
}

func TestGoneIsNotFetchedUntilSubscribedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		s.set("http://a.example/f", status(410))
		w := newWorld("http://a.example/f")
		c := Config{Transport: inProcess{&s}, Refresh: time.Minute}
		_, stop := run(t, w, c)
		pass(30 * 24 * time.Hour)
		stop()
		_, stop = run(t, w, c) // nor after a restart
		pass(24 * time.Hour)
		if s.count() != 1 {
			t.Errorf("%d requests for what is gone", s.count())
		}
		s.set("http://a.example/f", body(rss("1")))
		w.mu.Lock()
		w.feeds[0].Added = time.Now()
		w.mu.Unlock()
		pass(2 * time.Minute)
		stop()
		if st := w.state("http://a.example/f"); st.Health != topics.HealthOK {
			t.Errorf("%+v", st)
		}
	})
}

func TestRedirects(t *testing.T) {
	to := func(code int, url string) http.HandlerFunc { return status(code, "Location", url) }
	for name, tt := range map[string]struct {
		first, second int
		location      string // remembered
	}{
		"301, 308": {301, 308, "http://c.example/f"},
		"308, 302": {308, 302, "http://b.example/f"},
		"302, 301": {302, 301, ""},
		"307, 303": {307, 303, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s server
				s.set("http://a.example/f", to(tt.first, "http://b.example/f"))
				s.set("http://b.example/f", to(tt.second, "http://c.example/f"))
				s.set("http://c.example/f", body(rss("1")))
				w := newWorld("http://a.example/f")
				_, stop := run(t, w, Config{Transport: inProcess{&s}})
				defer stop()
				pass(time.Minute)
				st := w.state("http://a.example/f")
				if st.Location != tt.location || st.Health != topics.HealthOK {
					t.Fatalf("%+v", st)
				}
				if tt.location == "" {
					return
				}
				n := s.count()
				pass(45 * time.Minute)
				if got := s.requests[n].URL.String(); got != tt.location {
					t.Errorf("then %s was asked, want %s", got, tt.location)
				}
				// The new place dies; the old one has the feed again.
				s.set("http://b.example/f", nil)
				s.set("http://c.example/f", nil)
				s.set("http://a.example/f", body(rss("2")))
				pass(24 * time.Hour)
				if st := w.state("http://a.example/f"); st.Location != "" || st.Health != topics.HealthOK {
					t.Errorf("after the new place died: %+v", st)
				}
			})
		})
	}
}

func TestConditionalGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		full, unchanged := 0, 0
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if r.Header.Get("If-None-Match") == `W/"1"` && r.Header.Get("If-Modified-Since") == "Wed, 04 Mar 2026 05:06:07 GMT" {
				unchanged++
				w.WriteHeader(http.StatusNotModified)
				return
			}
			full++
			w.Header().Set("ETag", `W/"1"`)
			w.Header().Set("Last-Modified", "Wed, 04 Mar 2026 05:06:07 GMT")
			fmt.Fprint(w, rss("1"))
		})
		w := newWorld("http://a.example/f")
		_, stop := run(t, w, Config{Transport: serve(t, h)})
		defer stop()
		pass(24 * time.Hour)
		if full != 1 || unchanged < 6 {
			t.Errorf("%d documents, %d times unchanged in a day", full, unchanged)
		}
		if st := w.state("http://a.example/f"); st.Items != 1 || len(st.Seen) != 1 || st.ETag == "" {
			t.Errorf("%+v", st)
		}
	})
}

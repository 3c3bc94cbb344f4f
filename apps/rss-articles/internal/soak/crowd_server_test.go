package soak

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// crowdEnv has the beginning of the day for the child process that serves a
// crowd of feeds.
const crowdEnv = "MILLRACE_SOAK_CROWD"

// clockHeader is the test's time in a request, which the server goes by.
const clockHeader = "X-Test-Clock"

// serveCrowd is the child process: it prints its address, and ends with its
// standard input.
func serveCrowd(began string) error {
	at, err := time.Parse(time.RFC3339, began)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: crowd{began: at}}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	fmt.Println(l.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	if closed := s.Close(); closed != nil {
		err = errors.Join(err, closed)
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// startCrowd starts the child process and returns the server's address.
func startCrowd(t *testing.T, began time.Time) string {
	t.Helper()
	_, _, out := startChild(t, "the feeds", crowdEnv+"="+began.Format(time.RFC3339))
	return strings.TrimSpace(out.Text())
}

// ServeHTTP answers for a feed at the time that the request names. Of ten feeds
// six have an ETag, two a date, one both and says for how long it is fresh, and
// one has nothing; half of them are compressed.
func (c crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n int
	now, err := time.Parse(time.RFC3339Nano, r.Header.Get(clockHeader))
	moved := strings.HasPrefix(r.URL.Path, "/moved/")
	if _, serr := fmt.Sscanf(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "%d", &n); err != nil || serr != nil {
		http.NotFound(w, r)
		return
	}
	t := c.trouble(n)
	if !t.now(now.Sub(c.began)) || t == moves && moved {
		t = fine
	}
	switch t {
	case fails:
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	case retires:
		http.Error(w, "no more", http.StatusGone)
		return
	case moves:
		http.Redirect(w, r, fmt.Sprintf("http://%s/moved/%d", c.host(n), n), http.StatusMovedPermanently)
		return
	case busy:
		w.Header().Set("Retry-After", "3600")
		http.Error(w, "later", http.StatusTooManyRequests)
		return
	case silent:
		<-r.Context().Done()
		return
	}
	last := c.newest(n, now)
	at := c.at(n, last)
	// A title that changes makes another document.
	etag, modified := fmt.Sprintf(`"%d-%d"`, last, now.Sub(at)/(2*time.Hour)), at.UTC().Format(http.TimeFormat)
	h, k := w.Header(), n/2%10
	if k < 6 || k == 8 {
		h.Set("ETag", etag)
	}
	if k >= 6 && k < 9 {
		h.Set("Last-Modified", modified)
	}
	if k == 8 {
		h.Set("Cache-Control", "max-age=3600")
	}
	if e := h.Get("ETag"); e != "" && r.Header.Get("If-None-Match") == e ||
		e == "" && h.Get("Last-Modified") != "" && r.Header.Get("If-Modified-Since") == modified {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	doc, err := c.document(n, now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/xml")
	if t == breaks {
		h.Set("Content-Length", fmt.Sprint(len(doc)))
		_, _ = w.Write(doc[:len(doc)/2])
		panic(http.ErrAbortHandler)
	}
	if n%2 == 0 {
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(doc) // the client has gone
		_ = z.Close()
		return
	}
	_, _ = w.Write(doc)
}

// meter is what the fetcher's requests go through: it tells the server the time,
// leads all hosts to it, and counts.
type meter struct {
	transport *http.Transport
	clock     *clock
	crowd     crowd
	counts    // guarded by counts.mu
}

func newMeter(t *http.Transport, c *clock, feeds crowd, address string) *meter {
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	return &meter{transport: t, clock: c, crowd: feeds, counts: newCounts()}
}

func (m *meter) CloseIdleConnections() { m.transport.CloseIdleConnections() }

func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	now := m.clock.Now()
	r = r.Clone(r.Context())
	r.Header.Set(clockHeader, now.Format(time.RFC3339Nano))
	m.begin(r.URL.Host, r.URL.Path, now)
	resp, err := m.transport.RoundTrip(r)
	if err != nil {
		m.end(r.URL.Host, "no answer", 0, nil)
		return nil, err
	}
	resp.Body = &metered{ReadCloser: resp.Body, m: m, r: r, now: now, status: resp.StatusCode}
	return resp, nil
}

// metered is the body of an answer.
type metered struct {
	io.ReadCloser
	m      *meter
	r      *http.Request
	now    time.Time
	status int
	bytes  int64
	whole  bool
	closed bool
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	b.whole = b.whole || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
	return n, err
}

func (b *metered) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	how, links := fmt.Sprint(b.status), []string(nil)
	switch {
	case b.status == http.StatusOK && !b.whole:
		how = "cut off"
	case b.status == http.StatusOK:
		var n int
		if _, err := fmt.Sscanf(b.r.URL.Path[strings.LastIndexByte(b.r.URL.Path, '/')+1:], "%d", &n); err == nil {
			for _, i := range b.m.crowd.items(n, b.now) {
				links = append(links, i.Link)
			}
		}
	}
	err := b.ReadCloser.Close()
	b.m.end(b.r.URL.Host, how, b.bytes, links)
	return err
}

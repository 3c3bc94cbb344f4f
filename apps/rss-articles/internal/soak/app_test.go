package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

// patience bounds each wait; a busy machine is slow.
const patience = 4 * time.Minute

// app runs in this process.
type app struct {
	t      *testing.T
	url    string
	log    *tail
	client *http.Client
	cancel context.CancelFunc
	done   chan error
}

func startApp(t *testing.T, c run.Config) *app {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a := &app{t: t, log: &tail{}, cancel: cancel, done: make(chan error, 1),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}
	ready := make(chan string, 1)
	c.HTTP, c.Ready = "127.0.0.1:0", func(url string) { ready <- url }
	c.Logger = slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	go func() { a.done <- run.Run(ctx, c) }()
	select {
	case a.url = <-ready:
	case err := <-a.done:
		cancel()
		t.Fatalf("the app ended: %v\n%s", err, a.log)
	case <-time.After(patience):
		cancel()
		t.Fatalf("the app is not ready, and ended with %v\n%s", <-a.done, a.log)
	}
	t.Cleanup(func() {
		a.stop()
		if t.Failed() {
			t.Logf("the end of the app's log:\n%s", a.log)
		}
	})
	return a
}

// stop ends the app in order. Further calls do nothing.
func (a *app) stop() {
	a.t.Helper()
	if a.cancel == nil {
		return
	}
	a.cancel()
	a.cancel = nil
	if err := <-a.done; err != nil {
		a.t.Errorf("the app ended with: %v", err)
	}
}

// do makes a request; the answer must have the wanted status, or one of others.
func (a *app) do(method, path string, body, into any, want int, others ...int) {
	a.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := http.NewRequest(method, a.url+path, bytes.NewReader(content))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode == want && into != nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil || resp.StatusCode != want && !slices.Contains(others, resp.StatusCode) {
		a.t.Fatalf("%s %s: status %d, want %d, error %v: %.300s", method, path, resp.StatusCode, want, err, b)
	}
}

// rows reads a whole table.
func rows[V any](a *app, table string) map[string]V {
	a.t.Helper()
	all := map[string]V{}
	for from := ""; ; {
		var page struct {
			Items []struct {
				Key   string
				Value V
			}
			Next string
		}
		a.do("GET", "/v1/tables/"+table+"?limit=1000&from="+url.QueryEscape(from), nil, &page, 200)
		for _, i := range page.Items {
			all[i.Key] = i.Value
		}
		if from = page.Next; from == "" {
			return all
		}
	}
}

// look opens the page's stream of events, as a browser does, and returns what
// closes it.
func (a *app) look() (closed func()) {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/v1/events", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	transport := &http.Transport{}
	resp, err := transport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatalf("the stream of events: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, resp.Body) // until it is closed
	}()
	return func() {
		cancel()
		<-done
		_ = resp.Body.Close() // the request was given up
		transport.CloseIdleConnections()
	}
}

// eventually asks again and again until something is so. It tells what is still
// missing if it never is.
func eventually(t *testing.T, what string, so func() (missing string)) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		missing := so()
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s: %s", patience, what, missing)
		}
	}
}

// tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 100 {
		l.lines = append(l.lines[:0], l.lines[1:]...)
	}
	l.lines = append(l.lines, string(p[:min(len(p), 1000)]))
	return len(p), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

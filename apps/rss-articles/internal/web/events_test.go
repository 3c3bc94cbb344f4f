package web_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

// follow runs the server's watcher for the time of the test.
func follow(t *testing.T, s *web.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// listen opens a stream and returns its lines.
func listen(t *testing.T, url string) (lines <-chan string, code int, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events", nil)
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Do(r)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c := make(chan string, 1000)
	go func() {
		defer close(c)
		defer resp.Body.Close()
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			c <- in.Text()
		}
	}()
	return c, resp.StatusCode, func() { cancel(); client.CloseIdleConnections() }
}

// await reads lines until one holds what is wanted.
func await(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	for l := range lines {
		if strings.Contains(l, want) {
			return
		}
	}
	t.Fatalf("the stream ended without %q", want)
}

func TestEventsTellWhatChanges(t *testing.T) {
	d, s := start(t, func(c *web.Config) { c.Heartbeat = 20 * time.Millisecond })
	follow(t, s)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	lines, code, stop := listen(t, server.URL)
	defer stop()
	if code != 200 {
		t.Fatalf("status %d", code)
	}
	await(t, lines, "event: hello")
	await(t, lines, ": alive")
	d.Send(topics.Articles.Row("a1", entry("a1", now)))
	await(t, lines, "event: article")
	await(t, lines, `"title":"Title a1"`)
	d.Send(topics.Recommendations.Row("ada", topics.Shelf{Reader: "ada", Updated: now}))
	await(t, lines, "event: shelf")
	await(t, lines, `{"reader":"ada"}`)
	d.Send(topics.Readers.Row("ada", topics.Reader{ID: "ada"}))
	await(t, lines, "event: readers")
	d.Send(topics.FeedStates.Row("https://example.org/", topics.FeedState{Health: topics.HealthGone}))
	await(t, lines, "event: feeds")
	d.Send(topics.Articles.Deleted("a1"))
	await(t, lines, "event: gone")
}

func TestStreamsAreBounded(t *testing.T) {
	_, s := start(t, func(c *web.Config) { c.MaxClients = 2 })
	follow(t, s)
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	first, _, stop1 := listen(t, server.URL)
	second, _, stop2 := listen(t, server.URL)
	defer stop2()
	await(t, first, "event: hello")
	await(t, second, "event: hello")
	_, code, stop := listen(t, server.URL)
	stop()
	if code != http.StatusServiceUnavailable {
		t.Errorf("a third client got %d", code)
	}
	stop1()
	settled(t, "a place is free", func() bool {
		_, code, stop := listen(t, server.URL)
		stop()
		return code == 200
	})
}

// The streams end with Run, so that the server can stop.
func TestStreamsEndWithTheServer(t *testing.T) {
	_, s := start(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	lines, _, stop := listen(t, server.URL)
	defer stop()
	await(t, lines, "event: hello")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for range lines { // ends
	}
	if w := do(s.Handler(), "GET", "/v1/events", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a stream after the end: %d", w.Code)
	}
}

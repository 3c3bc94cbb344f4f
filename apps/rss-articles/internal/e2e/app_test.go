package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// patience bounds each wait; a busy machine is slow.
const patience = 90 * time.Second

// instance is the app, running in this process.
type instance struct {
	t      *testing.T
	URL    string
	cancel context.CancelFunc
	done   chan error
	client *http.Client
	log    *logBuffer
}

// oldState is a state folder in which the sample feeds started an hour ago, so
// that all their items are there at once.
func oldState(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	memory := fmt.Sprintf(`{"started":%q}`, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	if err := os.WriteFile(filepath.Join(dir, "local.json"), []byte(memory), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs the app until it is ready; stop ends it.
func start(t *testing.T, c run.Config) *instance {
	t.Helper()
	ready := make(chan string, 1)
	log := &logBuffer{}
	c.HTTP, c.Ready = "127.0.0.1:0", func(url string) { ready <- url }
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	a := &instance{t: t, cancel: cancel, done: make(chan error, 1), client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}, log: log}
	go func() { a.done <- run.Run(ctx, c) }()
	select {
	case a.URL = <-ready:
	case err := <-a.done:
		cancel()
		t.Fatalf("the app ended: %v\n%s", err, log)
	case <-time.After(patience):
		cancel()
		t.Fatalf("the app is not ready, and ended with %v\n%s", <-a.done, log)
	}
	t.Cleanup(func() {
		a.stop()
		if t.Failed() {
			t.Logf("the app's log:\n%s", log)
		}
	})
	return a
}

// stop ends the app in order. Further calls do nothing.
func (a *instance) stop() {
	a.t.Helper()
	if a.cancel == nil {
		return
	}
	a.client.CloseIdleConnections()
	a.cancel()
	a.cancel = nil
	if err := <-a.done; err != nil {
		a.t.Errorf("the app ended with: %v", err)
	}
}

// get reads JSON and returns the status.
func (a *instance) get(path string, into any) int {
	a.t.Helper()
	return a.do(http.MethodGet, path, nil, into)
}

func (a *instance) do(method, path string, body, into any) int {
	a.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, a.URL+path, content)
	if err != nil {
		a.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(r)
	if err != nil {
		a.t.Fatalf("%s %s: %v\n%s", method, path, err, a.log)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode >= 500 {
		a.t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	if err == nil && into != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		a.t.Fatalf("%s %s: %v: %.200s", method, path, err, b)
	}
	return resp.StatusCode
}

// rows reads a whole table.
func (a *instance) rows(table string) map[string]json.RawMessage {
	a.t.Helper()
	all := map[string]json.RawMessage{}
	for from := ""; ; {
		var page struct {
			Items []struct {
				Key   string
				Value json.RawMessage
			}
			Next string
		}
		if code := a.get("/v1/tables/"+table+"?limit=1000&from="+url.QueryEscape(from), &page); code != 200 {
			a.t.Fatalf("table %s: status %d", table, code)
		}
		for _, i := range page.Items {
			all[i.Key] = i.Value
		}
		if from = page.Next; from == "" {
			return all
		}
	}
}

// eventually asks again and again until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// logBuffer keeps a log for when a test fails.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

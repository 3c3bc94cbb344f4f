package views_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/leaktest"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/pipeline/views"
	"github.com/millrace/millrace/processors"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var (
	words  = pipeline.NewTopic("words", codec.String(), pipeline.Partitions(3))
	counts = pipeline.NewTable("counts", codec.Int64())
)

func get(t *testing.T, h http.Handler, target string, header ...string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

func start(t *testing.T) (*pipelinetest.Driver, http.Handler) {
	d := pipelinetest.New(t, pipeline.New("app").From(words).Add(processors.Count("count", words, counts)), pipelinetest.Views(counts))
	return d, views.Handler(d.Service())
}

func TestTables(t *testing.T) {
	d, h := start(t)
	for i := range 25 {
		d.Send(words.Record(fmt.Sprintf("w%02d", i), "x"))
	}
	d.Send(words.Record("a/b", "x"), words.Record("w03", "x"), words.Record("寺", "x"))

	for target, want := range map[string]string{
		"/v1/tables/counts/w03":                    "2\n",
		"/v1/tables/counts/a/b":                    "1\n",
		"/v1/tables/counts/a%2Fb":                  "1\n",
		"/v1/tables/counts/" + url.PathEscape("寺"): "1\n",
		"/v1/tables":                               `{"tables":["counts"]}` + "\n",
		"/v1/tables/counts?from=w02&to=w04":        `{"items":[{"key":"w02","value":1},{"key":"w03","value":2}]}` + "\n",
		"/v1/tables/counts?prefix=w2&limit=2":      `{"items":[{"key":"w20","value":1},{"key":"w21","value":1}],"next":"w22"}` + "\n",
		"/v1/tables/counts?prefix=w2&from=w24":     `{"items":[{"key":"w24","value":1}]}` + "\n",
		"/v1/tables/counts?prefix=zzz":             `{"items":[]}` + "\n",
	} {
		if code, _, body := get(t, h, target); code != 200 || body != want {
			t.Errorf("%s: %d %q, want %q", target, code, body, want)
		}
	}
	seen, next := 0, ""
	for {
		_, _, body := get(t, h, "/v1/tables/counts?limit=4&from="+url.QueryEscape(next))
		var page struct {
			Items []pipeline.Row
			Next  string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		seen += len(page.Items)
		if next = page.Next; next == "" {
			break
		}
	}
	if seen != 27 {
		t.Errorf("the pages have %d entries, want 27", seen)
	}
}

func TestProblems(t *testing.T) {
	_, h := start(t)
	for target, want := range map[string]int{
		"/v1/tables/counts/none":                              404,
		"/v1/tables/nothing/x":                                404,
		"/v1/tables/nothing":                                  404,
		"/v1/tables/counts?limit=0":                           400,
		"/v1/tables/counts?limit=x":                           400,
		"/v1/tables/counts?limit=100000":                      400,
		"/v1/tables/counts?form=1":                            400,
		"/v1/tables/counts?prefix=a&to=b":                     400,
		"/v1/tables/counts/" + strings.Repeat("x", 5000):      400,
		"/v1/tables/counts?from=" + strings.Repeat("x", 5000): 400,
		"/v1/topology?format=svg":                             400,
		"/nothing":                                            404,
	} {
		code, header, body := get(t, h, target)
		var p views.Problem
		if code != want || header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(body), &p) != nil || p.Status != want || p.Detail == "" {
			t.Errorf("%.60s: %d %s %q, want a problem with status %d", target, code, header.Get("Content-Type"), body, want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/tables", nil))
	if w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestTopologyAndReadiness(t *testing.T) {
	d, h := start(t)
	_, _, body := get(t, h, "/v1/topology")
	var desc pipeline.Description
	if err := json.Unmarshal([]byte(body), &desc); err != nil || desc.Name != "app" || len(desc.Processors) != 1 {
		t.Errorf("topology %s: %v", body, err)
	}
	if _, _, body := get(t, h, "/v1/topology?format=mermaid"); !strings.HasPrefix(body, "flowchart") {
		t.Errorf("mermaid: %q", body)
	}
	if _, _, body := get(t, h, "/v1/topology", "Accept", "text/plain"); !strings.HasPrefix(body, "topology app") {
		t.Errorf("text: %q", body)
	}
	for _, p := range []string{"/healthz", "/readyz", "/v1/status"} {
		if code, _, body := get(t, h, p); code != 200 {
			t.Errorf("%s: %d %s", p, code, body)
		}
	}
	s, err := pipeline.NewService(d.Service().Topology(), pipeline.Config{Brokers: []string{"127.0.0.1:1"}, StateDir: t.TempDir(), Views: []pipeline.Ref{counts}})
	if err != nil {
		t.Fatal(err)
	}
	idle := views.Handler(s)
	if code, _, body := get(t, idle, "/readyz"); code != 503 || !strings.Contains(body, "created") {
		t.Errorf("ready before the run: %d %s", code, body)
	}
	if code, header, _ := get(t, idle, "/v1/tables/counts/x"); code != 503 || header.Get("Retry-After") == "" {
		t.Errorf("a table before the run: %d", code)
	}
}

func TestServe(t *testing.T) {
	_, h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	address := make(chan net.Addr, 1)
	done := make(chan error, 1)
	go func() { done <- views.Serve(ctx, ":0", h, func(a net.Addr) { address <- a }) }()
	a := (<-address).String()
	if !strings.HasPrefix(a, "127.0.0.1:") {
		t.Errorf("listens at %s, want the loopback", a)
	}
	if err := views.Serve(ctx, a, h, nil); err == nil || !strings.Contains(err.Error(), a) {
		t.Errorf("a taken port: %v", err)
	}
	resp, err := http.Get("http://" + a + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

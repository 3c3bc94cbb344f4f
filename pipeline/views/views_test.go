package views_test

import (
	"encoding/json"
	"fmt"
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
	conforms(t, r, w.Code, w.Header(), w.Body.String())
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
		"/v1/tables/counts?fromBase64=%25":                    400,
		"/v1/tables/counts?from=a&fromBase64=YQ==":            400,
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
	if code, _, body := get(t, h, "/v1/openapi.json"); code != 200 || body != string(views.OpenAPIDocument()) {
		t.Errorf("the description: %d", code)
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

func TestETag(t *testing.T) {
	d, h := start(t)
	d.Send(words.Record("a", "x"))
	for _, target := range []string{"/v1/tables/counts/a", "/v1/tables/counts"} {
		_, header, _ := get(t, h, target)
		tag := header.Get("ETag")
		for match, want := range map[string]int{tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200} {
			code, header, body := get(t, h, target, "If-None-Match", match)
			if code != want || header.Get("ETag") != tag || (code == 304) != (body == "") {
				t.Errorf("%s with %s: %d, ETag %s, body %q", target, match, code, header.Get("ETag"), body)
			}
		}
		d.Send(words.Record("a", "x"))
		if code, header, _ := get(t, h, target, "If-None-Match", tag); code != 200 || header.Get("ETag") == tag {
			t.Errorf("%s after a change: %d, ETag %s", target, code, header.Get("ETag"))
		}
	}
	if code, header, _ := get(t, h, "/v1/tables/counts/none", "If-None-Match", "*"); code != 404 || header.Get("ETag") != "" {
		t.Errorf("a key that is not there: %d", code)
	}
}

// A page ends before it is too large, and the next goes on.
func TestPagesAreBounded(t *testing.T) {
	d := tableDriver(t)
	var rows []pipeline.Record
	for i := range 5 {
		rows = append(rows, shelf.Row(fmt.Sprintf("%02d", i), strings.Repeat("v", 1<<20)))
	}
	d.Pipe(rows...)
	h, from, sizes := views.Handler(d.Service()), "", []int{}
	for {
		w := httptest.NewRecorder() // not get: to check such a page against the description takes long
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/tables/shelf?from="+from, nil))
		var page struct {
			Items []pipeline.Row
			Next  string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Items))
		if from = page.Next; from == "" {
			break
		}
	}
	if got := fmt.Sprint(sizes); got != "[4 1]" {
		t.Errorf("pages of %s entries of 1 MiB, want 4 and 1", got)
	}
}

// still is a service that stands still.
type still struct {
	views.Service
	status pipeline.Status
}

func (s still) Status() pipeline.Status { return s.status }

func TestReadyTellsRestoringFromFailing(t *testing.T) {
	part := pipeline.PartitionStatus{ID: 2, Inputs: []pipeline.InputStatus{},
		Restore: &pipeline.RestoreProgress{Table: "counts", Records: 30, Position: 50, End: 200, Percent: 25}}
	for _, tt := range []struct {
		name   string
		status pipeline.Status
		want   string
	}{
		{"restoring", pipeline.Status{Phase: pipeline.Restoring,
			Processors: []pipeline.ProcessorStatus{{Name: "count", Phase: pipeline.Restoring, Partitions: []pipeline.PartitionStatus{part}}},
			Tables:     []pipeline.TableStatus{{Table: "counts", Role: "view", Lag: 7, Percent: 50}, {Table: "other", Role: "join", Processor: "count", Ready: true}}},
			`{"title":"Service Unavailable","status":503,"detail":"the service is restoring; processor count is restoring; ` +
				`state of table counts, partition 2, is restored to 25 %, 150 records to go; view of table counts, partition 0, is restored to 50 %, 7 records to go",` +
				`"phase":"restoring","restoring":[` +
				`{"processor":"count","role":"state","table":"counts","partition":2,"records":30,"remaining":150,"percent":25},` +
				`{"role":"view","table":"counts","partition":0,"remaining":7,"percent":50}]}`},
		{"waiting", pipeline.Status{Phase: pipeline.Waiting,
			Processors: []pipeline.ProcessorStatus{{Name: "count", Phase: pipeline.Waiting, Error: "disk full"}}},
			`{"title":"Service Unavailable","status":503,"detail":"the service is waiting; processor count is waiting; disk full",` +
				`"phase":"waiting","causes":[{"processor":"count","phase":"waiting","error":"disk full"}]}`},
		{"no brokers", pipeline.Status{Phase: pipeline.Starting, Error: "no broker answers"},
			`{"title":"Service Unavailable","status":503,"detail":"the service is starting; no broker answers","phase":"starting","causes":[{"error":"no broker answers"}]}`},
	} {
		if code, _, body := get(t, views.Handler(still{status: tt.status}), "/readyz"); code != 503 || body != tt.want+"\n" {
			t.Errorf("%s: %d %s\nwant %s", tt.name, code, body, tt.want)
		}
	}
}

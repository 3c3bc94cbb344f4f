package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/pipeline/views"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// start runs a topology that has the app's tables and does nothing with them.
func start(t *testing.T, change ...func(*web.Config)) (*pipelinetest.Driver, *web.Server) {
	t.Helper()
	p := pipeline.Process("idle")
	pipeline.Input(p, topics.Clicks, func(*pipeline.Context, topics.Click) error { return nil })
	topology := pipeline.New("web-test").Add(p).From(topics.Clicks).From(web.Views()...).To(web.Views()...)
	d := pipelinetest.New(t, topology, pipelinetest.Views(web.Views()...))
	c := web.Config{Service: d.Service(), Now: func() time.Time { return now }, Retry: 5 * time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	s, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

// do asks a handler; headers are given in pairs.
func do(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// settled asks until the answer is right: views follow a moment later.
func settled(t *testing.T, what string, right func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !right() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func entry(id string, seen time.Time) topics.Entry {
	return topics.Entry{Article: clean.Article{ID: id, URL: "https://example.org/" + id, Title: "Title " + id,
		Text: strings.Repeat("word ", 200), Published: seen, Feed: "https://example.org/feed"}, FirstSeen: seen}
}

func TestFeedsComeAndGo(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	address := "https://Example.org/feed.xml?a=1&b=2#top"
	path := "/v1/feeds/" + url.PathEscape(address)
	if w := do(h, "PUT", path, `{"title":" News "}`); w.Code != http.StatusCreated {
		t.Fatalf("put: %d %s", w.Code, w.Body)
	}
	key := "https://example.org/feed.xml?a=1&b=2"
	d.Expect(topics.Feeds.Row(key, topics.Feed{URL: key, Title: "News", Added: now}))
	settled(t, "the feed is listed", func() bool {
		return strings.Contains(do(h, "GET", "/v1/feeds", "").Body.String(), `"health":"new"`)
	})
	d.Send(topics.FeedStates.Row(key, topics.FeedState{URL: key, Title: "Its own", Health: topics.HealthFailing, Error: "404", Failures: 3}))
	var list struct{ Items []web.FeedStatus }
	if err := json.Unmarshal(do(h, "GET", "/v1/feeds", "").Body.Bytes(), &list); err != nil || len(list.Items) != 1 {
		t.Fatalf("list: %v %+v", err, list)
	}
	if f := list.Items[0]; f.Title != "News" || f.Health != topics.HealthFailing || f.Error != "404" || f.Failures != 3 {
		t.Errorf("the feed is %+v", f)
	}
	if w := do(h, "PUT", path, ""); w.Code != http.StatusOK {
		t.Errorf("put again: %d %s", w.Code, w.Body)
	}
	d.Expect(topics.Feeds.Row(key, topics.Feed{URL: key, Added: now}))
	path = "/v1/feeds/" + url.PathEscape(key)
	if w := do(h, "DELETE", path, ""); w.Code != http.StatusNoContent {
		t.Fatalf("delete: %d %s", w.Code, w.Body)
	}
	d.Expect(topics.Feeds.Deleted(key))
	settled(t, "the feed is gone", func() bool { return do(h, "DELETE", path, "").Code == http.StatusNotFound })
}

func TestReadersComeAndGo(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	want := topics.Reader{ID: "ada", Name: "Ada", Interests: []topics.Interest{{Text: "stream processing", Weight: 2}, {Text: "tag:go"}}, Languages: []string{"en"}}
	body := `{"name":" Ada ","interests":[{"text":"stream processing","weight":2},{"text":" tag:go "}],"languages":["en"]}`
	if w := do(h, "PUT", "/v1/readers/ada", body); w.Code != http.StatusCreated {
		t.Fatalf("put: %d %s", w.Code, w.Body)
	}
	d.Expect(topics.Readers.Row("ada", want))
	settled(t, "the reader is listed", func() bool {
		return strings.Contains(do(h, "GET", "/v1/readers", "").Body.String(), `"name":"Ada"`)
	})
	if w := do(h, "PUT", "/v1/readers/ada", `{"id":"ada"}`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"interests":[]`) {
		t.Errorf("put again: %d %s", w.Code, w.Body)
	}
	if w := do(h, "PUT", "/v1/readers/"+url.PathEscape("读者"), `{}`); w.Code != http.StatusCreated {
		t.Errorf("a Chinese id: %d %s", w.Code, w.Body)
	}
	if w := do(h, "DELETE", "/v1/readers/ada", ""); w.Code != http.StatusNoContent {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
	d.Expect(topics.Readers.Deleted("ada"))
}

func TestClicks(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	d.Send(topics.Readers.Row("ada", topics.Reader{ID: "ada"}), topics.Articles.Row("a1", entry("a1", now)))
	if w := do(h, "POST", "/v1/clicks", `{"reader":"ada","article":"a1","kind":"up"}`); w.Code != http.StatusNoContent {
		t.Fatalf("click: %d %s", w.Code, w.Body)
	}
	d.Expect(topics.Clicks.Record("ada", topics.Click{Reader: "ada", Article: "a1", Kind: topics.ClickUp, At: now}).At(now))
	for body, want := range map[string]int{
		`{"reader":"bob","article":"a1","kind":"up"}`:     404,
		`{"reader":"ada","article":"a2","kind":"up"}`:     404,
		`{"reader":"ada","article":"a1","kind":"like"}`:   400,
		`{"reader":"ada","article":"a1"}`:                 400,
		`{"reader":["ada"],"article":"a1","kind":"up"}`:   400,
		`{"reader":"ada","article":"a1","kind":"up"} []`:  400,
		`{"reader":"","article":"","kind":"open"}`:        404,
		`{"reader":"ada","article":"a1","kind":"up","x":`: 400,
	} {
		if w := do(h, "POST", "/v1/clicks", body); w.Code != want {
			t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	d.ExpectNone(topics.Clicks)
}

// Whatever is sent, the answer is a problem that says what is wrong, and no
// record is written.
func TestHostileRequests(t *testing.T) {
	d, s := start(t)
	h := web.Guard(s.Handler(), "example.com")
	deep := strings.Repeat("[", 20000)
	for _, tt := range []struct {
		method, target, body string
		want                 int
	}{
		{"PUT", "/v1/feeds/" + url.PathEscape("javascript:alert(1)"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("file:///etc/passwd"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("http://"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("http://user:secret@example.org/"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("http://[::1"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("https://example.org/"+strings.Repeat("x", 3000)), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("https://example.org/\xff"), "", 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("https://example.org/"), `{"title":"` + strings.Repeat("x", 300) + `"}`, 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("https://example.org/"), `{"titel":"x"}`, 400},
		{"PUT", "/v1/feeds/" + url.PathEscape("https://example.org/"), `{"title":"` + strings.Repeat("x", 70<<10) + `"}`, 413},
		{"PUT", "/v1/feeds/", "", 400},
		{"POST", "/v1/feeds", `{}`, 405},
		{"DELETE", "/v1/feeds/" + url.PathEscape("https://nobody.example/"), "", 404},
		{"DELETE", "/v1/feeds/" + strings.Repeat("x", 3000), "", 400},
		{"PUT", "/v1/readers/ada", deep, 400},
		{"PUT", "/v1/readers/ada", `{"id":"bob"}`, 400},
		{"PUT", "/v1/readers/ada", `{"interests":[{"text":"  "}]}`, 400},
		{"PUT", "/v1/readers/ada", `{"interests":[{"text":"x","weight":1e9}]}`, 400},
		{"PUT", "/v1/readers/ada", `{"interests":[{"text":"x","weight":1e999}]}`, 400},
		{"PUT", "/v1/readers/ada", `{"interests":[` + strings.Repeat(`{"text":"x"},`, 101) + `{"text":"x"}]}`, 400},
		{"PUT", "/v1/readers/ada", `{"languages":["../../etc"]}`, 400},
		{"PUT", "/v1/readers/ada", ``, 415},
		{"PUT", "/v1/readers/" + url.PathEscape("../x"), `{}`, 400},
		{"PUT", "/v1/readers/" + url.PathEscape("a\nb"), `{}`, 400},
		{"PUT", "/v1/readers/" + strings.Repeat("a", 65), `{}`, 400},
		{"DELETE", "/v1/readers/nobody", "", 404},
		{"PATCH", "/v1/readers/ada", `{}`, 405},
		{"GET", "/v1/clicks", "", 405},
		{"GET", "/v1/articles?limit=0", "", 400},
		{"GET", "/v1/articles?limit=9999999", "", 400},
		{"GET", "/v1/articles?before=rubbish", "", 400},
		{"GET", "/v1/articles?page=2", "", 400},
		{"GET", "/v1/nothing", "", 404},
		{"GET", "/nothing", "", 404},
		{"GET", "/static/", "", 404},
		{"DELETE", "/", "", 405},
	} {
		w := do(h, tt.method, tt.target, tt.body)
		var p views.Problem
		if w.Code != tt.want || json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Status != tt.want || p.Detail == "" ||
			w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.80s %.40s: %d %.200s, want a problem with %d", tt.method, tt.target, tt.body, w.Code, w.Body, tt.want)
		}
		if tt.want == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.target)
		}
	}
	if w := do(h, "PUT", "/v1/readers/ada", `{}`, "Content-Type", "text/plain"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a form's content type: %d", w.Code)
	}
	d.ExpectNone(topics.Clicks)
	for _, path := range []string{"/v1/feeds", "/v1/readers"} {
		if w := do(h, "GET", path, ""); strings.TrimSpace(w.Body.String()) != `{"items":[]}` {
			t.Errorf("%s: %s, want none", path, w.Body)
		}
	}
}

func TestArticlesArePaged(t *testing.T) {
	d, s := start(t, func(c *web.Config) { c.MaxArticles = 20 })
	h := s.Handler()
	follow(t, s)
	for i := range 25 {
		d.Pipe(topics.Articles.Row(fmt.Sprintf("a%02d", i), entry(fmt.Sprintf("a%02d", i), now.Add(time.Duration(i)*time.Minute))))
	}
	settled(t, "the newest 20 are listed", func() bool {
		b := do(h, "GET", "/v1/articles?limit=1", "").Body.String()
		return strings.Contains(b, `"total":20`) && strings.Contains(b, `"a24"`)
	})
	var ids []string
	for next := ""; ; {
		var page struct {
			Items []web.Item
			Next  string
		}
		w := do(h, "GET", "/v1/articles?limit=8&before="+url.QueryEscape(next), "")
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			ids = append(ids, i.ID)
			if n := len([]rune(i.Excerpt)); n > 321 {
				t.Errorf("an excerpt has %d characters", n)
			}
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(ids) != 20 || ids[0] != "a24" || ids[19] != "a05" {
		t.Errorf("the pages have %d articles: %v", len(ids), ids)
	}
	// A copy comes under an article that is in the list.
	e := entry("a10", now.Add(10*time.Minute))
	e.Copies = []topics.Copy{{ID: "c", Title: "The same", Similarity: 0.9}}
	d.Send(topics.Articles.Row("a10", e))
	settled(t, "the copy is under its original", func() bool {
		return strings.Contains(do(h, "GET", "/v1/articles", "").Body.String(), `"title":"The same"`)
	})
	d.Send(topics.Articles.Deleted("a11"))
	settled(t, "a deleted article leaves the list", func() bool {
		return !strings.Contains(do(h, "GET", "/v1/articles", "").Body.String(), `"a11"`)
	})
}

func TestPageIsServed(t *testing.T) {
	_, s := start(t)
	h := web.Guard(s.Handler(), "example.com")
	for path, want := range map[string]string{"/": "text/html; charset=utf-8", "/main.js": "text/javascript; charset=utf-8",
		"/page.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml"} {
		w := do(h, "GET", path, "")
		if w.Code != 200 || w.Header().Get("Content-Type") != want || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", path)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/v1/status", "/v1/topology", "/v1/tables", "/v1/tables/feeds"} {
		if w := do(h, "GET", path, ""); w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := do(h, "HEAD", "/", "")
	if b, _ := io.ReadAll(w.Body); w.Code != 200 || len(b) > 0 {
		t.Errorf("HEAD: %d with %d bytes", w.Code, len(b))
	}
}

func TestOPML(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	d.Send(topics.Feeds.Row("https://a.example/feed", topics.Feed{URL: "https://a.example/feed", Added: now}))
	document := `<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/feed"/><outline text="B &amp; C" xmlUrl="https://B.example/feed"/>
		<outline text="S" xmlUrl="https://user:secret@c.example/feed"/></body></opml>`
	w := do(h, "POST", "/v1/opml", document, "Content-Type", "text/xml")
	var got web.Import
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.Added != 1 || got.Present != 1 || len(got.Rejected) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	d.Expect(topics.Feeds.Row("https://b.example/feed", topics.Feed{URL: "https://b.example/feed", Title: "B & C", Added: now}))
	settled(t, "it is exported", func() bool {
		out := do(h, "GET", "/v1/opml", "").Body.String()
		return strings.Contains(out, "https://b.example/feed") && strings.Contains(out, "B &amp; C")
	})
	for _, bad := range []string{"", "{}", "<html>", `<opml><body><outline xmlUrl="https://x.example/`} {
		if w := do(h, "POST", "/v1/opml", bad, "Content-Type", "text/xml"); w.Code != 400 {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
	if w := do(h, "POST", "/v1/opml", strings.Repeat(" ", 9<<20)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("9 MB: %d", w.Code)
	}
}

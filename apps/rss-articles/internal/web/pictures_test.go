package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

const gif = "GIF89a\x01\x00\x01\x00\x00\x00\x00;"

// Pictures are fetched when they are asked for, and only those of articles that are
// there; what is none is not passed on.
func TestPictures(t *testing.T) {
	var fetched atomic.Int32
	bodies := map[string]string{"https://p.example/a.gif": gif, "https://p.example/b.html": "<script>x()</script>",
		"https://p.example/c.svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`}
	d, s := start(t, func(c *web.Config) {
		c.Picture = func(_ context.Context, url string) ([]byte, error) {
			fetched.Add(1)
			if b, ok := bodies[url]; ok {
				return []byte(b), nil
			}
			return nil, errors.New("answered 404")
		}
	})
	var e topics.Entry
	e.ID, e.Title, e.Text, e.FirstSeen, e.Published = "seen", "Seen", "Text.", now, now
	for _, u := range []string{"https://p.example/a.gif", "https://p.example/b.html", "https://p.example/c.svg", "https://p.example/none"} {
		e.Pictures = append(e.Pictures, sanitize.Picture{URL: u, Alt: "alt of " + u})
	}
	d.Send(topics.Articles.Row(e.ID, e))
	get := func(path, site string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		w := httptest.NewRecorder()
		web.Guard(s.Handler(), "example.com").ServeHTTP(w, r)
		return w
	}
	read := get("/v1/articles/seen", "")
	if body := read.Body.String(); !strings.Contains(body, `"alt of https://p.example/a.gif"`) || fetched.Load() != 0 {
		t.Fatalf("%d pictures were fetched for %s", fetched.Load(), body)
	}
	for _, c := range []struct {
		path, site string
		status     int
		fetched    int32 // so far
	}{
		{"/v1/articles/other/pictures/0", "", 404, 0},
		{"/v1/articles/seen/pictures/4", "", 404, 0},
		{"/v1/articles/seen/pictures/-1", "", 404, 0},
		{"/v1/articles/seen/pictures/x", "", 404, 0},
		{"/v1/articles/seen/pictures/0", "cross-site", 403, 0},
		{"/v1/articles/seen/pictures/0", "same-origin", 200, 1},
		{"/v1/articles/seen/pictures/1", "", 502, 2},
		{"/v1/articles/seen/pictures/2", "", 502, 3},
		{"/v1/articles/seen/pictures/3", "", 502, 4},
	} {
		w := get(c.path, c.site)
		if w.Code != c.status || fetched.Load() != c.fetched {
			t.Errorf("%s %s: %d %s, %d were fetched", c.path, c.site, w.Code, w.Body, fetched.Load())
		}
		if h := w.Header(); c.status == 200 && (h.Get("Content-Type") != "image/gif" || w.Body.String() != gif ||
			h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || h.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %v %q", c.path, h, w.Body)
		}
	}
}

// Without somebody who fetches them there are none.
func TestNoPictures(t *testing.T) {
	d, s := start(t)
	var e topics.Entry
	e.ID, e.Pictures = "seen", []sanitize.Picture{{URL: "https://p.example/a.gif"}}
	d.Send(topics.Articles.Row(e.ID, e))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/articles/seen/pictures/0", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

package fetch

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestRobots(t *testing.T) {
	asked := map[string]int{}
	text := map[string]func(http.ResponseWriter){
		"none.example":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"fails.example": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"some.example": func(w http.ResponseWriter) {
			fmt.Fprint(w, "User-agent: *\nDisallow: /\n\nUser-agent: millrace-rss\nDisallow: /private\nDisallow: /*?secret\nAllow: /private/feed\n")
		},
		"all.example":     func(w http.ResponseWriter) { fmt.Fprint(w, "User-agent: *\nDisallow: /\n") },
		"rubbish.example": func(w http.ResponseWriter) { fmt.Fprint(w, "<html>\x00\xff</html>") },
		"large.example": func(w http.ResponseWriter) {
			fmt.Fprint(w, "User-agent: *\nAllow: /\n"+strings.Repeat("#", maxRobots)+"\nDisallow: /\n")
		},
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f, err := New(Config{Store: newWorld(), Sink: newWorld(), Robots: true, Now: func() time.Time { return now },
		Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/robots.txt" {
				asked[r.URL.Host]++
				text[r.URL.Host](w)
				return
			}
			fmt.Fprint(w, rss("1"))
		})}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url  string
		lets bool
	}{
		{"http://none.example/f", true}, {"http://none.example/g", true}, {"http://some.example/f", true}, {"http://some.example", true},
		{"http://some.example/private/a", false}, {"http://some.example/private/feed", true}, {"http://some.example/a?secret=1", false},
		{"http://all.example/f", false}, {"http://fails.example/f", false}, {"http://rubbish.example/f", true}, {"http://large.example/f", true},
	} {
		s, items, _ := f.poll(context.Background(), topics.Feed{URL: tt.url}, topics.FeedState{})
		if (len(items) == 1) != tt.lets || !tt.lets && !strings.Contains(s.Error, "robots.txt") {
			t.Errorf("%s: %d items, %q", tt.url, len(items), s.Error)
		}
	}
	if asked["none.example"] != 1 || asked["some.example"] != 1 {
		t.Errorf("robots.txt was asked for %v times", asked)
	}
	text["fails.example"] = text["none.example"]
	now = now.Add(time.Hour)
	if _, items, _ := f.poll(context.Background(), topics.Feed{URL: "http://fails.example/f"}, topics.FeedState{}); len(items) != 1 {
		t.Error("a server that is well again is not asked again")
	}
	if _, err := Once(context.Background(), f.cfg, "http://all.example/f"); err == nil {
		t.Error("a feed that is fetched once is not looked for in robots.txt")
	}
}

// A feed's hub and the address by which that knows it are kept: those of the
// headers, or of the document.
func TestWebSub(t *testing.T) {
	const atom = `<feed xmlns="http://www.w3.org/2005/Atom"><link rel="hub" href="https://hub.example/a"/><link rel="self" href="/self"/><entry><id>1</id></entry></feed>`
	const inRSS = `<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><a:link rel="hub" href="https://hub.example/r"/><item><title>1</title></item></channel></rss>`
	for _, tt := range []struct {
		body       string
		links      []string
		hub, topic string
	}{
		{atom, nil, "https://hub.example/a", "http://a.example/self"},
		{inRSS, nil, "https://hub.example/r", ""},
		{atom, []string{`<https://hub.example/h>; rel="hub", </t>; title="a, b"; rel="nofollow Self"`}, "https://hub.example/h", "http://a.example/t"},
		{rss("1"), []string{"<", "<>;rel=hub", "<javascript:x>; rel=hub", `<https://hub.example/2>; rel=hub`}, "https://hub.example/2", ""},
		{rss("1"), []string{strings.Repeat("<x>,", 10_000) + "<https://hub.example/>; rel=hub"}, "", ""},
	} {
		f, err := New(Config{Store: newWorld(), Sink: newWorld(), Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, l := range tt.links {
				w.Header().Add("Link", l)
			}
			fmt.Fprint(w, tt.body)
		})}})
		if err != nil {
			t.Fatal(err)
		}
		s, _, _ := f.poll(context.Background(), topics.Feed{URL: "http://a.example/f"}, topics.FeedState{})
		if s.Error != "" || s.Hub != tt.hub || s.Topic != tt.topic {
			t.Errorf("%.60q, %.60q: hub %q, topic %q, %s; want %q and %q", tt.body, tt.links, s.Hub, s.Topic, s.Error, tt.hub, tt.topic)
		}
	}
}

func FuzzLinks(f *testing.F) {
	f.Add(`<https://hub.example/>; rel="hub"`, "http://a.example/")
	f.Fuzz(func(t *testing.T, value, base string) {
		if got := links(http.Header{"Link": {value}}, "hub", base); got != "" && !strings.HasPrefix(got, "http") {
			t.Errorf("%q", got)
		}
	})
}

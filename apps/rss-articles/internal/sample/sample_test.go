package sample

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/neardup"
	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

type site struct {
	t   *testing.T
	h   http.Handler
	now time.Time
}

func newSite(t *testing.T) *site {
	s := &site{t: t, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	h, err := Handler(func() time.Time { return s.now })
	if err != nil {
		t.Fatal(err)
	}
	s.h = h
	return s
}

func (s *site) get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.h.ServeHTTP(w, r)
	return w
}

// articles fetches, parses and cleans all feeds.
func (s *site) articles() map[string][]clean.Article {
	s.t.Helper()
	all := map[string][]clean.Article{}
	for _, f := range Feeds() {
		w := s.get(f.Path)
		doc, err := feed.Parse(w.Body.Bytes(), feed.Hints{URL: f.Site, ContentType: w.Header().Get("Content-Type"), Now: s.now})
		if err != nil || w.Code != http.StatusOK {
			s.t.Fatalf("%s: %d, %v", f.Path, w.Code, err)
		}
		if doc.Title != f.Title {
			s.t.Errorf("%s: title %q", f.Path, doc.Title)
		}
		for _, i := range doc.Items {
			a, err := clean.Clean(clean.Raw{Feed: f.Path, FeedTitle: doc.Title, Fetched: s.now, Item: i})
			if err != nil {
				s.t.Errorf("%s: %v", f.Path, err)
			}
			all[f.Path] = append(all[f.Path], a)
		}
	}
	return all
}

func TestFeedsAreReadable(t *testing.T) {
	s := newSite(t)
	s.now = s.now.Add(Complete)
	formats, items, chinese := map[Format]bool{}, 0, 0
	all := s.articles()
	for _, f := range Feeds() {
		formats[f.Format] = true
		list := all[f.Path]
		items += len(list)
		for _, a := range list {
			if a.Lang == "zh" {
				chinese++
			}
			if a.Lang != f.Language {
				t.Errorf("%s: %q is taken for %q", f.Path, a.Title, a.Lang)
			}
			if len(a.Text) < 100 || a.Title == "" || !strings.HasPrefix(a.URL, "https://") {
				t.Errorf("%s: %+v", f.Path, a)
			}
			if age := s.now.Sub(a.Published); age < 0 || age > 48*time.Hour {
				t.Errorf("%s: %q is %v old", f.Path, a.Title, age)
			}
		}
	}
	if len(formats) != 6 || items < 150 || chinese < 40 {
		t.Errorf("%d formats, %d items, %d of them Chinese", len(formats), items, chinese)
	}
}

func TestDatesStayFresh(t *testing.T) {
	s := newSite(t)
	for range 5 {
		for path, list := range s.articles() {
			for _, a := range list {
				if age := s.now.Sub(a.Published); age > 71*time.Hour {
					t.Fatalf("%s: %q is %v old", path, a.Title, age)
				}
			}
		}
		s.now = s.now.Add(11*time.Hour + 55*time.Minute)
	}
}

func TestItemsAppear(t *testing.T) {
	s := newSite(t)
	count := func() (n int) {
		for _, list := range s.articles() {
			n += len(list)
		}
		return n
	}
	first := count()
	s.now = s.now.Add(Complete)
	all := count()
	s.now = s.now.Add(48 * time.Hour)
	if first >= all || first*10 < all*7 || count() != all {
		t.Errorf("%d at first, %d later, %d in the end", first, all, count())
	}
}

func TestPlanted(t *testing.T) {
	pairs, err := Planted()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	before := s.articles()
	s.now = s.now.Add(Complete)
	after := s.articles()
	find := func(in map[string][]clean.Article, r Ref) *clean.Article {
		for _, a := range in[r.Feed] {
			if a.URL == clean.Canonical(r.Link) && a.Title == r.Title {
				return &a
			}
		}
		return nil
	}
	kinds := map[Kind]int{}
	for _, p := range pairs {
		kinds[p.Kind]++
		o, c := find(before, p.Original), find(after, p.Copy)
		if o == nil || c == nil {
			t.Errorf("%s: %v, %v: original or copy is not served", p.Kind, p.Original, p.Copy)
			continue
		}
		if find(before, p.Copy) != nil {
			t.Errorf("%s: %v is served before its original", p.Kind, p.Copy)
		}
		if same := o.ID == c.ID; same != (p.Kind != Near) {
			t.Errorf("%s: %v and %v: same identity %v", p.Kind, p.Original, p.Copy, same)
		}
		if p.Kind == Retitled && (find(after, p.Original) != nil || o.Hash == c.Hash) {
			t.Errorf("%v keeps its title", p.Original)
		}
	}
	for _, k := range []Kind{Exact, Tracking, Near, Retitled} {
		if kinds[k] < 3 {
			t.Errorf("%d pairs of kind %s", kinds[k], k)
		}
	}
}

// TestNothingElseIsACopy compares every item with every other.
func TestNothingElseIsACopy(t *testing.T) {
	pairs, err := Planted()
	if err != nil {
		t.Fatal(err)
	}
	planted := map[[2]string]bool{}
	for _, p := range pairs {
		if p.Kind == Near {
			a, b := clean.Canonical(p.Original.Link), clean.Canonical(p.Copy.Link)
			planted[[2]string{a, b}], planted[[2]string{b, a}] = true, true
		}
	}
	s := newSite(t)
	s.now = s.now.Add(Complete)
	sketcher := neardup.NewSketcher()
	var all []clean.Article
	for _, list := range s.articles() {
		all = append(all, list...)
	}
	sketches := make([]neardup.Sketch, len(all))
	for i, a := range all {
		sketches[i], _ = sketcher.Sketch(neardup.Document{Title: a.Title, Text: a.Text, Source: a.Feed})
	}
	found := 0
	for i, a := range all {
		for j, b := range all[:i] {
			dup, score := neardup.Duplicate(sketches[i], sketches[j])
			if a.ID == b.ID {
				continue
			}
			if want := planted[[2]string{a.URL, b.URL}]; dup != want {
				t.Errorf("%q and %q: duplicate %v (%.2f), want %v", a.Title, b.Title, dup, score, want)
			} else if dup {
				found++
			}
		}
	}
	if found < 15 {
		t.Errorf("%d near-duplicates", found)
	}
}

func TestConditionalGet(t *testing.T) {
	s := newSite(t)
	for _, f := range Feeds() {
		w := s.get(f.Path)
		tag, modified := w.Header().Get("ETag"), w.Header().Get("Last-Modified")
		if tag == "" || modified == "" {
			t.Fatalf("%s: %v", f.Path, w.Header())
		}
		s.now = s.now.Add(time.Second)
		if w := s.get(f.Path, "If-None-Match", tag); w.Code != http.StatusNotModified {
			t.Errorf("%s: %d with ETag", f.Path, w.Code)
		}
		if w := s.get(f.Path, "If-Modified-Since", modified); w.Code != http.StatusNotModified {
			t.Errorf("%s: %d with date", f.Path, w.Code)
		}
		if w := s.get(f.Path, "If-None-Match", `"other"`); w.Code != http.StatusOK {
			t.Errorf("%s: %d with another ETag", f.Path, w.Code)
		}
	}
	w := s.get("/meridian.xml")
	s.now = s.now.Add(Complete)
	if again := s.get("/meridian.xml", "If-None-Match", w.Header().Get("ETag"), "If-Modified-Since", w.Header().Get("Last-Modified")); again.Code != http.StatusOK {
		t.Errorf("%d after new items came", again.Code)
	}
	if w := s.get("/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("%d for what is not there", w.Code)
	}
}

// TestReadersFindSomething asks for the words of each interest.
func TestReadersFindSomething(t *testing.T) {
	s := newSite(t)
	terms := map[string]bool{}
	for _, list := range s.articles() {
		for _, a := range list {
			for _, term := range text.Terms(a.Title+" "+a.Text+" "+strings.Join(a.Tags, " "), "", 0) {
				terms[term] = true
			}
		}
	}
	if len(Readers()) < 5 {
		t.Errorf("%d readers", len(Readers()))
	}
	for _, r := range Readers() {
		for _, i := range r.Interests {
			for _, term := range text.Terms(strings.TrimPrefix(i.Text, "tag:"), "", 0) {
				if !terms[term] {
					t.Errorf("%s: no article has %q of interest %q", r.ID, term, i.Text)
				}
			}
		}
	}
}

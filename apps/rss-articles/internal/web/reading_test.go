package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"

	"github.com/millrace/millrace/apps/rss-articles/internal/sanitize"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
)

// get reads JSON that must be there.
func get[V any](t *testing.T, h http.Handler, target string) (v V) {
	t.Helper()
	w := do(h, "GET", target, "")
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d %s %v", target, w.Code, w.Body, err)
	}
	return v
}

// Also what another program wrote to the topic of articles is made safe.
func TestReadingIsSanitised(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	e := entry("a1", now)
	e.HTML = `<p onmouseover="x()">One <a href="javascript:x()">two</a> <a href="https://example.org/">three</a></p><script>x()</script><img src="https://t.example/p.gif" alt="a cat">`
	plain := entry("a2", now)
	plain.Text = "First <b>line</b>\nSecond"
	d.Send(topics.Articles.Row("a1", e), topics.Articles.Row("a2", plain))
	got := get[web.Reading](t, h, "/v1/articles/a1")
	b, _ := json.Marshal(got.Content)
	if want := `[{"name":"p","nodes":[{"text":"One two "},{"name":"a","link":"https://example.org/","nodes":[{"text":"three"}]}]},{"text":"[a cat]"}]`; string(b) != want {
		t.Errorf("content %s, want %s", b, want)
	}
	if got := get[web.Reading](t, h, "/v1/articles/a2").Content; len(got) != 2 || got[0].Nodes[0].Text != "First <b>line</b>" {
		t.Errorf("plain text: %+v", got)
	}
	if w := do(h, "GET", "/v1/articles/nothing", ""); w.Code != 404 {
		t.Errorf("no article: %d", w.Code)
	}
	if w := do(h, "GET", "/v1/articles/a1?x=1", ""); w.Code != 400 {
		t.Errorf("a parameter that is none: %d", w.Code)
	}
}

type list struct {
	Items []web.Item
	Next  string
	Total int
}

func TestSearch(t *testing.T) {
	d, s := start(t, func(c *web.Config) { c.MaxArticles = 30 })
	h := s.Handler()
	follow(t, s)
	for i := range 40 {
		e := entry(fmt.Sprintf("a%02d", i), now.Add(time.Duration(i)*time.Minute))
		e.Text = strings.Repeat("Filler before it. ", 20) + "A zeppelin was moored at the lighthouse."
		if i == 20 {
			e.Title = "The Zeppelin"
		}
		d.Pipe(topics.Articles.Row(e.ID, e))
	}
	type found struct {
		Items []web.Item
		Total int
		Next  int
		Words []string
	}
	search := func(q string) found { return get[found](t, h, "/v1/search?q="+url.QueryEscape(q)) }
	// 30 are found before the last are there: until then, articles come and go.
	settled(t, "the newest 30 articles are found", func() bool {
		all := get[found](t, h, "/v1/search?q=zeppelin&limit=40")
		return all.Total == 30 && len(all.Items) == 30 && slices.ContainsFunc(all.Items, func(i web.Item) bool { return i.ID == "a39" })
	})
	got := search("zeppelins")
	if len(got.Items) != 20 || got.Next != 20 || got.Items[0].ID != "a20" || !strings.Contains(got.Items[0].Excerpt, "zeppelin was moored") ||
		!slices.Equal(got.Words, []string{"zeppelins"}) {
		t.Errorf("found %d, next %d, first %+v", len(got.Items), got.Next, got.Items[0])
	}
	if rest := get[found](t, h, "/v1/search?q=zeppelin&offset=20"); len(rest.Items) != 10 || rest.Next != 0 {
		t.Errorf("the second page has %d and goes on at %d", len(rest.Items), rest.Next)
	}
	if n := search(`"moored at the lighthouse"`).Total; n != 30 {
		t.Errorf("a phrase: %d", n)
	}
	if n := search(`"lighthouse moored"`).Total; n != 0 {
		t.Errorf("a phrase that is nowhere: %d", n)
	}
	d.Send(topics.Articles.Deleted("a20"))
	settled(t, "what is deleted is not found", func() bool { return search("zeppelin").Total == 29 })
	for _, bad := range []string{"", "?q=", "?q=-x", "?q=" + strings.Repeat("x", 300), "?q=x&limit=0", "?q=x&offset=-1", "?q=x&offset=99999999", "?q=x&sort=y", "?q=" + strings.Repeat("a+b+", 30)} {
		if w := do(h, "GET", "/v1/search"+bad, ""); w.Code != 400 {
			t.Errorf("%.40s: %d %s", bad, w.Code, w.Body)
		}
	}
}

func TestMarks(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	follow(t, s)
	d.Send(topics.Readers.Row("ada", topics.Reader{ID: "ada"}), topics.Readers.Row("bob", topics.Reader{ID: "bob"}))
	for i := range 5 {
		id := fmt.Sprint("a", i)
		d.Send(topics.Articles.Row(id, entry(id, now.Add(-time.Duration(i)*time.Minute))))
	}
	settled(t, "the articles are listed", func() bool { return get[list](t, h, "/v1/articles").Total == 5 })
	ids := func(query string) (out []string) {
		for next := ""; ; {
			page := get[list](t, h, "/v1/articles?limit=2&"+query+"&before="+next)
			for _, i := range page.Items {
				out = append(out, i.ID)
			}
			if next = page.Next; next == "" {
				return out
			}
		}
	}
	put := func(target, body string) int { return do(h, "PUT", target, body).Code }
	for _, id := range []string{"a1", "a2", "a4"} {
		if code := put("/v1/readers/ada/marks/"+id, `{"read":true}`); code != http.StatusNoContent {
			t.Fatalf("mark %s: %d", id, code)
		}
	}
	settled(t, "what Ada read is left out", func() bool { return slices.Equal(ids("reader=ada&unread=true"), []string{"a0", "a3"}) })
	if got := ids("reader=bob&unread=true"); len(got) != 5 {
		t.Errorf("Bob read nothing, and gets %v", got)
	}
	if got := ids("reader=ada"); len(got) != 5 {
		t.Errorf("all: %v", got)
	}
	if code := put("/v1/readers/ada/marks/a1", `{"read":false}`); code != http.StatusNoContent {
		t.Fatalf("unread: %d", code)
	}
	settled(t, "a1 is unread", func() bool { return !get[web.Reading](t, h, "/v1/articles/a1?reader=ada").Read })
	d.Expect(topics.Marks.Deleted("ada/a1"))

	// Opening is reading, and a judgement is kept.
	for _, kind := range []string{"open", "up", "down"} {
		if w := do(h, "POST", "/v1/clicks", `{"reader":"ada","article":"a0","kind":"`+kind+`"}`); w.Code != http.StatusNoContent {
			t.Fatalf("click: %d %s", w.Code, w.Body)
		}
		settled(t, kind+" is kept", func() bool {
			r := get[web.Reading](t, h, "/v1/articles/a0?reader=ada")
			return r.Read && (kind == "open" || string(r.Judged) == kind)
		})
	}

	// Marks go with their article and with their reader.
	d.Send(topics.Articles.Deleted("a2"))
	gone := func(key string) func() bool {
		return func() bool {
			var rows struct{ Items []struct{ Key string } }
			if w := do(h, "GET", "/v1/tables/marks", ""); json.Unmarshal(w.Body.Bytes(), &rows) != nil {
				return false
			}
			return !slices.ContainsFunc(rows.Items, func(r struct{ Key string }) bool { return strings.HasPrefix(r.Key, key) })
		}
	}
	settled(t, "the mark of a2 is gone", gone("ada/a2"))
	if gone("ada/a4")() {
		t.Error("the mark of a4 is gone")
	}
	if w := do(h, "DELETE", "/v1/readers/ada", ""); w.Code != http.StatusNoContent {
		t.Fatal(w.Code)
	}
	settled(t, "Ada's marks are gone", gone("ada/"))

	for target, want := range map[string]int{"/v1/readers/nobody/marks/a0": 404, "/v1/readers/bob/marks/nothing": 404} {
		if code := put(target, `{"read":true}`); code != want {
			t.Errorf("%s: %d", target, code)
		}
	}
	for _, body := range []string{`{}`, `{"read":1}`, `{"read":true,"x":1}`, `[]`} {
		if code := put("/v1/readers/bob/marks/a0", body); code != 400 {
			t.Errorf("%s: %d", body, code)
		}
	}
}

// Marks that are left of articles that went while nothing ran are removed when
// the table is read.
func TestStaleMarksAreSwept(t *testing.T) {
	d, s := start(t)
	h := s.Handler()
	d.Send(topics.Articles.Row("a1", entry("a1", now)))
	for key, at := range map[string]time.Time{"ada/a1": now.Add(-48 * time.Hour), "ada/gone": now.Add(-48 * time.Hour), "ada/soon": now} {
		d.Send(topics.Marks.Row(key, topics.Mark{Reader: "ada", Article: topics.ArticleOfMark(key), Read: true, At: at}))
	}
	follow(t, s)
	settled(t, "the old mark is gone", func() bool {
		b := do(h, "GET", "/v1/tables/marks", "").Body.String()
		return !strings.Contains(b, "ada/gone") && strings.Contains(b, "ada/a1") && strings.Contains(b, "ada/soon")
	})
}

// A reader's recommendations as feeds, read back by a feed parser.
func TestRecommendationsAsFeeds(t *testing.T) {
	d, s := start(t)
	h := web.Guard(s.Handler(), "example.com")
	e := entry("0123456789abcdef0123456789abcdef", now.Add(-time.Hour))
	e.Title, e.HTML, e.Author, e.FeedTitle = `Cats & <dogs> "quoted"`, `<p>One <strong>two</strong><script>x()</script></p>`, "Jo & Co", "Pets"
	shelf := topics.Shelf{Reader: "ada", Updated: now, Items: []topics.Recommendation{
		{Article: e.ID, Title: e.Title, URL: e.URL, Published: e.Published, Score: 3, Reasons: []topics.Reason{{Term: "cats & dogs", Source: "interest", Score: 2}, {Term: "tea", Source: "click", Score: -1}}},
		{Article: "ffffffffffffffffffffffffffffffff", Title: "Not there yet \x01", URL: "javascript:x()", Published: now, Score: 1, Reasons: []topics.Reason{{Term: "x", Score: 1}}},
	}}
	d.Send(topics.Readers.Row("ada", topics.Reader{ID: "ada", Name: "Ada <L>"}), topics.Articles.Row(e.ID, e), topics.Recommendations.Row("ada", shelf))
	for format, contentType := range map[string]string{"atom": "application/atom+xml; charset=utf-8", "json": "application/feed+json; charset=utf-8"} {
		target := "/v1/readers/ada/feed." + format
		w := do(h, "GET", target, "")
		if w.Code != 200 || w.Header().Get("Content-Type") != contentType {
			t.Fatalf("%s: %d %s", format, w.Code, w.Header())
		}
		body := w.Body.String()
		f, err := gofeed.NewParser().ParseString(body)
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, body)
		}
		if f.Title != "Recommended for Ada <L>" || f.FeedType != format || f.FeedLink != "http://example.com"+target || len(f.Items) != 2 {
			t.Errorf("%s: %s %s %s, %d items", format, f.Title, f.FeedType, f.FeedLink, len(f.Items))
		}
		i := f.Items[0]
		if i.Title != e.Title || i.Link != e.URL || i.GUID != "urn:uuid:01234567-89ab-8def-8123-456789abcdef" && !strings.HasPrefix(i.GUID, "urn:uuid:") ||
			!i.PublishedParsed.Equal(e.Published) || len(i.Authors) != 1 || i.Authors[0].Name != "Jo & Co" || !slices.Equal(i.Categories, []string{"cats & dogs"}) {
			t.Errorf("%s: %+v", format, i)
		}
		if i.Content != "<p><em>Recommended because of cats &amp; dogs.</em></p>\n<p>One <strong>two</strong></p>" || sanitize.HTML(i.Content, "") != i.Content {
			t.Errorf("%s: content %q", format, i.Content)
		}
		if f.Items[1].Link != "" || strings.Contains(body, "javascript") {
			t.Errorf("%s: a link that is none came through: %+v", format, f.Items[1])
		}
		if again := do(h, "GET", target, "", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: the same again: %d", format, again.Code)
		}
	}
	got := get[struct{ Items []web.Recommended }](t, h, "/v1/readers/ada/recommendations").Items
	if len(got) != 2 || got[0].FeedTitle != "Pets" || got[0].Excerpt == "" || len(got[0].Reasons) != 2 {
		t.Errorf("%+v", got)
	}
	for _, path := range []string{"recommendations", "feed.atom", "feed.json"} {
		if w := do(h, "GET", "/v1/readers/nobody/"+path, ""); w.Code != 404 {
			t.Errorf("%s of nobody: %d", path, w.Code)
		}
	}
	d.Send(topics.Readers.Row("new", topics.Reader{ID: "new"}))
	for _, path := range []string{"feed.atom", "feed.json"} {
		if f, err := gofeed.NewParser().ParseString(do(h, "GET", "/v1/readers/new/"+path, "").Body.String()); err != nil || len(f.Items) != 0 {
			t.Errorf("%s with no recommendations: %v", path, err)
		}
	}
}

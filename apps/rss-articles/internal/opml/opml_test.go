package opml_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/opml"
)

func TestRead(t *testing.T) {
	l, err := opml.Read(strings.NewReader(`<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE opml [<!ENTITY x "boom">]>
<OPML version="1.1"><head><title>My feeds</title><ownerName>A</ownerName></head><body>
<outline text="News"><outline text="Deep">
 <outline text="Caf` + "\xe9" + `" XMLURL=" http://a.example/f?x=1&y=2 " htmlUrl="http://a.example/"/></outline>
 <outline title="B" text="b" type="rss" xmlUrl="feed://b.example/f"/>
</outline>
<outline text="again" xmlUrl="http://b.example/f"/>
<outline text="C" type="rss" url="https://c.example/f"/>
<outline text="bad" xmlUrl="javascript:alert(1)"/>
<outline text="file" xmlUrl="file:///etc/passwd"/>
<outline text="&x; <b>" said" xmlUrl="https://d.example/&x;"/>
</body></OPML>`))
	if err != nil {
		t.Fatal(err)
	}
	want := opml.List{Title: "My feeds", Skipped: 2, Feeds: []opml.Feed{
		{URL: "http://a.example/f?x=1&y=2", Title: "Café", Site: "http://a.example/", Folder: []string{"News", "Deep"}},
		{URL: "http://b.example/f", Title: "B", Folder: []string{"News"}},
		{URL: "https://c.example/f", Title: "C"},
		{URL: "https://d.example/&x;", Title: "&x; <b>"},
	}}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
}

func TestHostileLists(t *testing.T) {
	var many strings.Builder
	many.WriteString("<opml><body>")
	for i := range opml.MaxFeeds + 1 {
		fmt.Fprintf(&many, `<outline xmlUrl="http://e.example/%d"/>`, i)
	}
	for name, tt := range map[string]struct {
		doc   string
		want  error
		feeds int
	}{
		"empty":     {"", opml.ErrNotOPML, 0},
		"text":      {"hello", opml.ErrNotOPML, 0},
		"page":      {"<!doctype html><html></html>", opml.ErrNotOPML, 0},
		"feed":      {"<rss></rss>", opml.ErrNotOPML, 0},
		"truncated": {`<opml><body><outline xmlUrl="http://e.example/"/><outline xm`, opml.ErrMalformed, 1},
		"deep":      {"<opml><body>" + strings.Repeat("<outline text='a'>", 100_000), opml.ErrTooLarge, 0},
		"large":     {strings.Repeat(" ", opml.MaxBytes+1), opml.ErrTooLarge, 0},
		"many":      {many.String(), opml.ErrTooLarge, opml.MaxFeeds},
	} {
		l, err := opml.Read(strings.NewReader(tt.doc))
		if !errors.Is(err, tt.want) || len(l.Feeds) != tt.feeds {
			t.Errorf("%s: %d feeds, %v; want %d, %v", name, len(l.Feeds), err, tt.feeds, tt.want)
		}
	}
}

func TestWhatIsWrittenCanBeRead(t *testing.T) {
	name := rapid.StringMatching(`[a-zA-Z0-9<>&"'éя中;#=/!-]{1,6}( [a-zA-Z0-9<>&"'éя中;#=/!-]{1,6}){0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		want := opml.List{Title: name.Draw(t, "title")}
		for i := range rapid.IntRange(0, 8).Draw(t, "feeds") {
			f := opml.Feed{URL: fmt.Sprintf("https://e%d.example/f?a=1&b=%s", i, rapid.StringMatching(`[a-z<>"']{0,4}`).Draw(t, "url")), Title: name.Draw(t, "feed")}
			for range rapid.IntRange(0, 3).Draw(t, "depth") {
				f.Folder = append(f.Folder, rapid.SampledFrom([]string{"News", "Tech", "新闻"}).Draw(t, "folder"))
			}
			want.Feeds = append(want.Feeds, f)
		}
		var b bytes.Buffer
		if err := opml.Write(&b, want, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		got, err := opml.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		// The order changes where folders are taken up again.
		index := func(l opml.List) map[string]opml.Feed {
			m := map[string]opml.Feed{}
			for _, f := range l.Feeds {
				m[f.URL] = f
			}
			return m
		}
		if got.Title != want.Title || got.Skipped != 0 || !reflect.DeepEqual(index(got), index(want)) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestRealLists reads the lists of the shared data.
func TestRealLists(t *testing.T) {
	dir := os.Getenv("MILLRACE_TESTDATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_TESTDATA is not set: CI needs the folder of real lists")
		}
		t.Skip("MILLRACE_TESTDATA is not set to the folder of real lists")
	}
	lists, all := 0, map[string]bool{}
	err := filepath.WalkDir(filepath.Join(dir, "opml"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".opml" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		l, err := opml.Read(f)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		lists++
		for _, f := range l.Feeds {
			all[f.URL] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lists, %d feeds", lists, len(all))
	if lists < 100 || len(all) < 2300 {
		t.Errorf("%d lists with %d feeds: that was better before", lists, len(all))
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`<opml><head><title>T</title></head><body><outline text="a"><outline xmlUrl="http://e.example/&amp;"/></outline></body></opml>`))
	f.Add([]byte("\xff\xfe<\x00o\x00p\x00m\x00l\x00>\x00"))
	f.Add([]byte(`<opml><outline xmlUrl='feed:https://e.example'/>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := opml.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := opml.Write(&out, l, time.Time{}); err != nil {
			t.Fatal(err)
		}
		again, err := opml.Read(&out)
		if err != nil || len(again.Feeds) != len(l.Feeds) {
			t.Fatalf("%d feeds, then %d, %v", len(l.Feeds), len(again.Feeds), err)
		}
	})
}

func ExampleWrite() {
	l := opml.List{Title: "Mine", Feeds: []opml.Feed{{URL: "https://e.example/feed", Title: "E & F", Folder: []string{"News"}}}}
	if err := opml.Write(os.Stdout, l, time.Time{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <opml version="2.0">
	//   <head>
	//     <title>Mine</title>
	//   </head>
	//   <body>
	//     <outline text="News">
	//       <outline text="E &amp; F" title="E &amp; F" type="rss" xmlUrl="https://e.example/feed"></outline>
	//     </outline>
	//   </body>
	// </opml>
}

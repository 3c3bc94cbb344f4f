package fetch

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestReadBody(t *testing.T) {
	text := strings.Repeat("hello ", 100)
	pack := func(w io.WriteCloser, b *bytes.Buffer) string {
		_, _ = io.WriteString(w, text) // to memory
		_ = w.Close()
		return b.String()
	}
	var g, z, f, br bytes.Buffer
	fw, _ := flate.NewWriter(&f, 5)
	gz := pack(gzip.NewWriter(&g), &g)
	var gg bytes.Buffer
	w := gzip.NewWriter(&gg)
	_, _ = io.WriteString(w, gz)
	_ = w.Close()
	for name, tt := range map[string]struct {
		body, encoding string
		limit          int
		err            error
	}{
		"plain":            {text, "", 600, nil},
		"identity":         {text, "identity", 600, nil},
		"gzip":             {gz, "gzip", 600, nil},
		"x-gzip":           {gz, " X-GZIP ", 600, nil},
		"gzip and rubbish": {gz + "rubbish", "gzip", 600, nil},
		"gzip twice":       {gg.String(), "gzip, gzip", 600, nil},
		"zlib":             {pack(zlib.NewWriter(&z), &z), "deflate", 600, nil},
		"deflate":          {pack(fw, &f), "deflate", 600, nil},
		"br":               {pack(brotli.NewWriter(&br), &br), "br", 600, nil},
		"a lie":            {text, "gzip", 600, nil},
		"too large":        {text, "", 599, errTooLarge},
		"large inside":     {gz, "gzip", 599, errTooLarge},
		"cut":              {gz[:len(gz)-4], "gzip", 600, io.ErrUnexpectedEOF},
		"unknown":          {text, "zstd", 600, encodingError("zstd")},
		"too many":         {gz, "gzip, gzip, gzip", 600, encodingError("gzip, gzip, gzip")},
	} {
		got, err := readBody(strings.NewReader(tt.body), tt.encoding, tt.limit)
		if !errors.Is(err, tt.err) || err == nil && string(got) != text {
			t.Errorf("%s: %d bytes, %v; want %v", name, len(got), err, tt.err)
		}
	}
}

func FuzzReadBody(f *testing.F) {
	for _, e := range []string{"gzip", "br", "deflate", "gzip, br"} {
		f.Add([]byte("\x1f\x8b\x08"), e)
	}
	f.Fuzz(func(t *testing.T, b []byte, encodings string) {
		if got, err := readBody(bytes.NewReader(b), encodings, 10_000); err == nil && len(got) > 10_000 {
			t.Fatalf("%d bytes", len(got))
		}
	})
}

func TestFreshness(t *testing.T) {
	for _, tt := range []struct {
		header []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"Cache-Control", "public, max-age=600"}, 10 * time.Minute},
		{[]string{"Cache-Control", "MAX-AGE=600", "Age", "100"}, 500 * time.Second},
		{[]string{"Cache-Control", "max-age=600", "Age", "1000"}, 0},
		{[]string{"Cache-Control", "no-cache, max-age=600"}, 0},
		{[]string{"Cache-Control", "max-age=-5"}, 0},
		{[]string{"Cache-Control", "max-age=99999999999999999999"}, 0},
		{[]string{"Expires", at.Add(time.Hour).Format(http.TimeFormat)}, time.Hour},
		{[]string{"Expires", at.Add(time.Hour).Format(http.TimeFormat), "Date", at.Add(30 * time.Minute).Format(http.TimeFormat)}, 30 * time.Minute},
		{[]string{"Expires", at.Add(-time.Hour).Format(http.TimeFormat)}, 0},
		{[]string{"Expires", "0"}, 0},
		{[]string{"Cache-Control", "max-age=60", "Expires", at.Add(time.Hour).Format(http.TimeFormat)}, time.Minute},
	} {
		h := http.Header{}
		for i := 0; i < len(tt.header); i += 2 {
			h.Set(tt.header[i], tt.header[i+1])
		}
		if got := freshness(h, at); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.header, got, tt.want)
		}
	}
}

func TestRetryAfterHeader(t *testing.T) {
	for v, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "99999999": maxRetry, "999999999999": maxRetry,
		at.Add(time.Hour).Format(http.TimeFormat):  time.Hour,
		at.Add(-time.Hour).Format(http.TimeFormat): 0,
		"Fri, 31 Dec 9999 23:59:59 GMT":            maxRetry,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, at); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

func TestInterval(t *testing.T) {
	every := func(d time.Duration, n int) (items []feed.Item) {
		for i := range n {
			items = append(items, feed.Item{Published: at.Add(-time.Duration(i+1) * d)})
		}
		return items
	}
	v := interval{min: 10 * time.Minute, start: 30 * time.Minute, max: 4 * time.Hour}
	for name, tt := range map[string]struct {
		last      time.Duration
		fresh     int
		items     []feed.Item
		publisher time.Duration
		want      time.Duration
	}{
		"first":               {0, 5, nil, 0, 30 * time.Minute},
		"something new":       {time.Hour, 1, nil, 0, 36 * time.Minute},
		"nothing new":         {time.Hour, 0, nil, 0, 75 * time.Minute},
		"least":               {11 * time.Minute, 1, nil, 0, 10 * time.Minute},
		"most":                {4 * time.Hour, 0, nil, 0, 4 * time.Hour},
		"publisher":           {time.Hour, 1, nil, 2 * time.Hour, 2 * time.Hour},
		"publisher, too much": {time.Hour, 1, nil, 48 * time.Hour, 4 * time.Hour},
		"an item every 20m":   {4 * time.Hour, 1, every(20*time.Minute, 10), 0, 20 * time.Minute},
		"an item every 8h":    {10 * time.Minute, 1, every(8*time.Hour, 10), 0, 2 * time.Hour},
		"old items":           {0, 1, every(24*30*time.Hour, 10), 0, 30 * time.Minute},
		"few dates":           {0, 1, every(time.Minute, 2), 0, 30 * time.Minute},
	} {
		if got := v.next(tt.last, tt.fresh, tt.items, at, tt.publisher); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	last := time.Duration(0)
	for n := 1; n < 100; n++ {
		d := backoff(n, 10*time.Minute, 24*time.Hour)
		if d < last || d > 24*time.Hour || n == 1 && d != 10*time.Minute || n > 10 && d != 24*time.Hour {
			t.Errorf("after %d failures %v", n, d)
		}
		last = d
	}
}

// TestUnseen plays documents of one feed: an item is new once, as long as it
// does not come back after many others.
func TestUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var seen []string
		emitted := map[string]int{}
		for range rapid.IntRange(1, 8).Draw(t, "polls") {
			titles := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}), 0, 6).Draw(t, "titles")
			var items []feed.Item
			for _, s := range titles {
				items = append(items, feed.Item{Title: s, Published: at})
			}
			var fresh []feed.Item
			fresh, seen = unseen(items, seen)
			for _, i := range fresh {
				emitted[i.Title]++
			}
			for _, s := range titles {
				if emitted[s] != 1 {
					t.Fatalf("%s was emitted %d times", s, emitted[s])
				}
			}
		}
	})
	var many []feed.Item
	for i := range 5000 {
		many = append(many, feed.Item{Title: strings.Repeat("x", i%100) + time.Duration(i).String()})
	}
	fresh, seen := unseen(many, nil)
	if len(fresh) != 5000 || len(seen) != maxSeen || fresh[0].Title != many[4999].Title {
		t.Errorf("%d items, %d hashes", len(fresh), len(seen))
	}
}

func TestBound(t *testing.T) {
	tags := make([]string, 1000)
	for i := range tags {
		tags[i] = strings.Repeat("标", 1000)
	}
	long := strings.Repeat("字", 1<<20)
	i := bound(feed.Item{GUID: long, Link: "https://e.example/" + long, Title: long, Content: long, Summary: long, Author: long, Tags: tags})
	size := len(i.GUID) + len(i.Link) + len(i.Title) + len(i.Content) + len(i.Summary) + len(i.Author)
	for _, s := range i.Tags {
		size += len(s)
	}
	if size > 200<<10 || !strings.HasSuffix(i.Content, "字") || i.Link != "" {
		t.Errorf("%d bytes", size)
	}
}

func TestDiscover(t *testing.T) {
	for page, want := range map[string]string{
		`<html><head><LINK REL="alternate" TYPE="application/atom+xml; charset=utf-8" HREF="a.xml">`:                  "https://e.example/x/a.xml",
		`<link rel=alternate type=application/feed+json href=//f.example/f>`:                                          "https://f.example/f",
		`<link rel="stylesheet" href="/s.css"><link rel=alternate type=application/rss+xml href=javascript:alert(1)>`: "",
		`<body><link rel=alternate type=application/rss+xml href=/f>`:                                                 "",
		"": "",
	} {
		if got := discover([]byte(page), "https://e.example/x/y"); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "news & more.xml")
	if err := os.WriteFile(path, []byte(rss("1", "2")), 0o600); err != nil {
		t.Fatal(err)
	}
	url, err := FileURL(path)
	if err != nil {
		t.Fatal(err)
	}
	folder, _ := FileURL(t.TempDir())
	missing, _ := FileURL(path + ".not")
	f, err := New(Config{Store: newWorld(), Sink: newWorld(), Files: []string{url, folder, missing}})
	if err != nil {
		t.Fatal(err)
	}
	s, items, _ := f.poll(t.Context(), topics.Feed{URL: url}, topics.FeedState{})
	if s.Health != topics.HealthOK || len(items) != 2 {
		t.Errorf("%+v", s)
	}
	if s, items, _ = f.poll(t.Context(), topics.Feed{URL: url}, s); s.Health != topics.HealthOK || len(items) != 0 || s.Items != 2 {
		t.Errorf("the second time: %+v", s)
	}
	for url, want := range map[string]string{folder: "no regular file", missing: "check the path", "file:///etc/passwd": "-feeds"} {
		if s, _, _ := f.poll(t.Context(), topics.Feed{URL: url}, topics.FeedState{}); !strings.Contains(s.Error, want) {
			t.Errorf("%s: %q, want %q in it", url, s.Error, want)
		}
	}
}

func TestConfigIsValidatedAsAWhole(t *testing.T) {
	_, err := New(Config{Min: time.Hour, Max: time.Minute, Concurrency: -1, Timeout: -1})
	for _, want := range []string{"Store", "Sink", "Min 1h0m0s, Max 1m0s", "Concurrency", "Timeout"} {
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s in it", err, want)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	f, err := New(Config{Store: newWorld(), Sink: newWorld()})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"", "e.example/feed", "ftp://e.example/", "http://", "http:///x", "javascript:alert(1)", "http://e.example:port/", "\x00"} {
		s, _, _ := f.poll(t.Context(), topics.Feed{URL: url}, topics.FeedState{})
		if s.Health != topics.HealthFailing || !strings.Contains(s.Error, "no web address") {
			t.Errorf("%q: %+v", url, s)
		}
	}
}

func TestQueueIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &Fetcher{}
		var entries []*entry
		for _, n := range rapid.SliceOf(rapid.IntRange(0, 20)).Draw(t, "due") {
			e := &entry{due: at.Add(time.Duration(n)), index: -1}
			entries = append(entries, e)
			f.push(e)
		}
		removed := 0
		for _, e := range entries {
			if rapid.Bool().Draw(t, "remove") {
				f.remove(e)
				f.remove(e) // nothing more
				removed++
			}
		}
		if len(f.due) != len(entries)-removed {
			t.Fatalf("%d left of %d", len(f.due), len(entries))
		}
		var got []time.Time
		for len(f.due) > 0 {
			got = append(got, f.due[0].due)
			f.remove(f.due[0])
		}
		if !slices.IsSortedFunc(got, time.Time.Compare) {
			t.Fatal(got)
		}
	})
}

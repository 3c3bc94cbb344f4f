package feed

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for name, doc := range map[string]string{
		"rss 0.91": `<rss version="0.91"><channel><title>F</title><item><title>A</title><link>/a</link></item></channel></rss>`,
		"rss 2.0":  `<rss version="2.0"><channel><title>F</title><item><title>A</title><guid>https://e.org/a</guid></item></channel></rss>`,
		"rss 1.0": `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel><title>F</title></channel>` +
			`<item><title>A</title><link>https://e.org/a</link></item></rdf:RDF>`,
		"atom":       `<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><entry><title>A</title><link href="/a"/></entry></feed>`,
		"json":       `{"version":"https://jsonfeed.org/version/1","title":"F","items":[{"id":1,"title":"A","url":"https://e.org/a","tags":"x"}]}`,
		"truncated":  `<rss version="2.0"><channel><title>F</title><item><title>A</title><link>https://e.org/a</link></item><item><title>B`,
		"ampersand":  `<rss version="2.0"><channel><title>F</title><item><title>A</title><link>https://e.org/a?x=1&y=2</link></item></channel></rss>`,
		"junk first": "\n\ufeff Warning: deprecated\n<?xml version=\"1.0\" encoding=\"x\"?><rss version=\"2.0\"><channel><title>F</title><item><title>A\x01</title><link>https://e.org/a</link></item></channel></rss>",
	} {
		f, err := Parse([]byte(doc), Hints{URL: "https://e.org/feed"})
		if err != nil || len(f.Items) != 1 || f.Items[0].Title != "A" || !strings.HasPrefix(f.Items[0].Link, "https://e.org/a") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestWhatIsNoFeed(t *testing.T) {
	for doc, want := range map[string]error{
		"":                                    ErrEmpty,
		" \n":                                 ErrEmpty,
		"<!doctype html><html></html>":        ErrNotAFeed,
		`{"id":1}`:                            ErrNotAFeed,
		"[1]":                                 ErrNotAFeed,
		"hello":                               ErrNotAFeed,
		"<rss>" + strings.Repeat("<a>", 1000): ErrTooDeep,
		"{" + strings.Repeat(`"a":{`, 1000):   ErrTooDeep,
	} {
		if _, err := Parse([]byte(doc), Hints{}); !errors.Is(err, want) {
			t.Errorf("%.30q: %v, want %v", doc, err, want)
		}
	}
	if _, err := Parse(make([]byte, 100), Hints{Limits: Limits{Bytes: 10}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large document: %v", err)
	}
}

func TestDatesAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	item := func(date string) time.Time {
		f, err := Parse([]byte(`<rss version="2.0"><channel><item><title>A</title><pubDate>`+date+`</pubDate></item></channel></rss>`), Hints{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return f.Items[0].Published
	}
	for date, want := range map[string]time.Time{
		"Wed, 31 Dec 2025 10:00:00 GMT":   now.Add(-14 * time.Hour),
		"2025年12月31日 18:00":               now.Add(-14 * time.Hour),
		"Fri, 31 Dec 9999 23:59:59 GMT":   {},
		"Thu, 01 Jan 1970 00:00:00 GMT":   {},
		"Thu, 01 Jan 2026 12:00:00 +0000": now.Add(12 * time.Hour), // a clock that is ahead
		"Sat, 03 Jan 2026 12:00:00 +0000": {},
		"yesterday":                       {},
	} {
		if got := item(date); !got.Equal(want) {
			t.Errorf("%s: %v, want %v", date, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<rss version="2.0"><channel><item><title>A</title></item></channel></rss>`), "")
	f.Add([]byte(`{"version":"https://jsonfeed.org/version/1","items":[{"id":1}]}`), "application/json; charset=gbk")
	f.Add([]byte("\xff\xfe<\x00r\x00"), "")
	f.Add([]byte("\x1f\x8b"), "")
	f.Fuzz(func(t *testing.T, b []byte, contentType string) {
		_, _ = Parse(b, Hints{URL: "https://e.org/", ContentType: contentType, Limits: Limits{Bytes: 1 << 20}})
	})
}

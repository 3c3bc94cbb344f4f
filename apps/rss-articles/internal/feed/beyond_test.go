package feed

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
)

// TestBeyondGofeed reads what gofeed by itself leaves out.
func TestBeyondGofeed(t *testing.T) {
	rss := func(item string) string {
		return `<rss version="2.0" xmlns:x="http://www.w3.org/1999/xhtml" xmlns:dcterms="http://purl.org/dc/terms/" ` +
			`xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/DTDs/PodCast-1.0.dtd"><channel><item>` +
			item + `</item></channel></rss>`
	}
	for _, tt := range []struct{ name, doc, want string }{
		{"a body of XHTML", rss(`<body xmlns="http://www.w3.org/1999/xhtml"><p>One</p> two</body>`), "content <p>One</p> two"},
		{"a body by prefix", rss(`<x:body><p>One</p></x:body>`), "content <p>One</p>"},
		{"a plain body", rss(`<body>&lt;p>One</body>`), "content <p>One"},
		{"a full item", rss(`<fullitem>One</fullitem>`), "content One"},
		{"a summary beside the description", rss(`<description>One</description><summary>Two</summary>`), "content Two"},
		{"a title of media", rss(`<media:title>A</media:title>`), "title A"},
		{"dates of dcterms", rss(`<dcterms:created>2003-12-31T10:14:55Z</dcterms:created>`), "date 2003-12-31T10:14:55Z"},
		{"dates of dcterms are the last", rss(`<pubDate>Thu, 01 Jan 2004 19:48:21 GMT</pubDate><dcterms:issued>2003-12-31</dcterms:issued>`), "date 2004-01-01T19:48:21Z"},
		{"nested categories", rss(`<itunes:category text="A"><itunes:category text="B"/></itunes:category>`), "tags [A B]"},
		{"comments before the root", `<!-- <span>x</span> --><?x <y> ?>` + rss(`<title>A</title>`), "title A"},
		{"the last byte is missing", `<rss version="2.0"><channel><item><title>A</title></item></channel></rss`, "title A"},
		{"a relative identity", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>/a</id></entry></feed>`, "id https://e.example/a"},
		{"base64 of Atom 0.3", `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title type="text/html" mode="base64">PGI+aGVsbG8gd29ybGQ8L2I+</title></entry></feed>`,
			"title <b>hello world</b>"},
		{"a word that could be base64", `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>Electromagnetism</title></entry></feed>`, "title Electromagnetism"},
	} {
		f, err := Parse([]byte(tt.doc), Hints{URL: "https://e.example/feed"})
		if err != nil || len(f.Items) != 1 {
			t.Errorf("%s: %+v, %v", tt.name, f, err)
			continue
		}
		i := f.Items[0]
		found := false
		for name, v := range map[string]any{"content": i.Content, "title": i.Title, "date": i.Published.Format(time.RFC3339), "tags": i.Tags, "id": i.GUID} {
			found = found || fmt.Sprint(name, " ", v) == tt.want
		}
		if !found {
			t.Errorf("%s: %+v, want %s", tt.name, i, tt.want)
		}
	}
}

// TestFeedItself reads what a feed says of itself, which the last byte's
// absence does not hide.
func TestFeedItself(t *testing.T) {
	f, err := Parse([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>A</title><subtitle>B</subtitle><author><name>C</name></author>`+
		`<category term="d"/><updated>2003-12-31T10:14:55Z</updated></feed`), Hints{})
	if err != nil || f.GUID != "urn:x" || f.Title != "A" || f.Summary != "B" || f.Author != "C" || fmt.Sprint(f.Tags) != "[d]" || f.Updated.Year() != 2003 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestCodePages(t *testing.T) {
	const text = "Übermäßig öffentlich"
	for _, tt := range []struct {
		name string
		enc  encoding.Encoding
	}{
		{"cp437", charmap.CodePage437}, {"IBM-850", charmap.CodePage850}, {"csIBM865", charmap.CodePage865}, {"windows_1252", charmap.Windows1252},
		{"macroman", charmap.Macintosh}, {"ibm037", charmap.CodePage037}, {"cp1140", charmap.CodePage1140},
		{"utf-32", utf32.UTF32(utf32.BigEndian, utf32.UseBOM)}, {"utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)},
	} {
		doc := `<?xml version="1.0" encoding="` + tt.name + `"?><rss version="2.0"><channel><item><title>` + text + `</title></item></channel></rss>`
		b, err := tt.enc.NewEncoder().Bytes([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := Parse(b, Hints{}); err != nil || f.Items[0].Title != text {
			t.Errorf("%s: %+v, %v", tt.name, f, err)
		}
	}
	for _, name := range []string{"", "utf-8", "utf8", "nonsense", "cp99999", "9999"} {
		if enc := lookup(name); enc != nil {
			t.Errorf("%q is %v", name, enc)
		}
	}
}

package feed_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

// conformance returns the folder "tests" of feedparser's source: cases that
// say in a comment what a parser must find
// (https://github.com/kurtmckee/feedparser). It is MILLRACE_FEEDPARSER.
func conformance(t *testing.T) string {
	dir := os.Getenv("MILLRACE_FEEDPARSER")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_FEEDPARSER is not set: CI needs the folder of tests of feedparser's source, which .ci/run fetches")
		}
		t.Skip("MILLRACE_FEEDPARSER is not set to the folder of tests of feedparser's source")
	}
	return dir
}

// fields are the parts of feedparser's result that are compared, and what they
// are here. Feedparser has several names for one.
var fields = map[string]string{
	"title": "title", "title_detail.value": "title",
	"link": "link", "links.0.href": "link",
	"id": "id", "guid": "id",
	"summary": "summary", "summary_detail.value": "summary", "description": "summary", "subtitle": "summary", "tagline": "summary",
	"subtitle_detail.value": "summary", "tagline_detail.value": "summary",
	"content.0.value": "content",
	"published":       "date", "published_parsed": "date", "created": "date", "created_parsed": "date",
	"updated": "updated", "updated_parsed": "updated", "modified": "updated", "modified_parsed": "updated",
	"author": "author", "author_detail.name": "author", "authors.0.name": "author",
	"tags.0.term": "tag 0", "tags.1.term": "tag 1", "tags.2.term": "tag 2", "category": "tag 0",
}

// A testcase is a document with what must be found in it.
type testcase struct {
	name, contentType, location string
	body                        []byte
	wants                       map[string]string // by place and field: "feed title", "0 link"
}

var (
	expect = regexp.MustCompile(`(?m)Expect:\s*(.+)`)
	header = regexp.MustCompile(`(?m)^\s*Header:\s*([\w-]+):\s*(.+)`)
)

func readCase(dir, path string) (*testcase, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := testcase{body: b, wants: map[string]string{}}
	if c.name, err = filepath.Rel(dir, path); err != nil {
		return nil, err
	}
	comment := ""
	candidates := []encoding.Encoding{encoding.Nop, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
		utf32.UTF32(utf32.BigEndian, utf32.UseBOM), utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), charmap.CodePage037}
	for _, enc := range candidates {
		if text, err := enc.NewDecoder().Bytes(b[:min(len(b), 4000)]); err == nil && expect.Match(text) {
			comment = string(text)
			break
		}
	}
	m := expect.FindStringSubmatch(comment)
	if m == nil {
		return nil, nil
	}
	c.contentType, c.location = "", "http://127.0.0.1:8097/tests/"+filepath.ToSlash(c.name)
	for _, h := range header.FindAllStringSubmatch(comment, -1) {
		switch strings.ToLower(h[1]) {
		case "content-type":
			c.contentType = strings.TrimSpace(h[2])
		case "content-location":
			c.location = strings.TrimSpace(h[2])
		}
	}
	for _, w := range expectations(m[1]) {
		place, name, _ := strings.Cut(w.path, ".")
		if place == "entries" {
			place, name, _ = strings.Cut(name, ".")
		}
		if f, ok := fields[name]; ok {
			c.wants[place+" "+f] = w.value
		}
	}
	return &c, nil
}

// found is what a parser makes of a case, by the names of its wants.
type found map[string]string

func (c *testcase) ours() (found, error) {
	f, err := feed.Parse(c.body, feed.Hints{URL: c.location, ContentType: c.contentType})
	if err != nil {
		return nil, err
	}
	got := found{"feed title": f.Title, "feed link": f.Link, "feed id": f.GUID, "feed summary": f.Summary, "feed author": f.Author,
		"feed date": stamp(f.Published), "feed updated": stamp(f.Updated)}
	for n, tag := range f.Tags {
		got[fmt.Sprint("feed tag ", n)] = tag
	}
	for n, i := range f.Items {
		got.item(n, i.Title, i.Link, i.GUID, i.Summary, i.Content, i.Author, i.Published, i.Updated, i.Tags)
	}
	return got, nil
}

// bare is what gofeed finds by itself.
func (c *testcase) bare() (found, error) {
	f, err := gofeed.NewParser().Parse(bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	person := func(list []*gofeed.Person) string {
		if len(list) == 0 || list[0] == nil {
			return ""
		}
		return list[0].Name
	}
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	got := found{"feed title": f.Title, "feed link": f.Link, "feed summary": f.Description, "feed author": person(f.Authors),
		"feed date": stamp(at(f.PublishedParsed)), "feed updated": stamp(at(f.UpdatedParsed))}
	for n, tag := range f.Categories {
		got[fmt.Sprint("feed tag ", n)] = tag
	}
	for n, i := range f.Items {
		got.item(n, i.Title, i.Link, i.GUID, i.Description, i.Content, person(i.Authors), at(i.PublishedParsed), at(i.UpdatedParsed), i.Categories)
	}
	return got, nil
}

// item notes an entry. Feedparser takes the content for the summary where there
// is none, and so may a reader; and the pipeline takes the longer of both.
func (f found) item(n int, title, link, id, summary, content, author string, date, updated time.Time, tags []string) {
	if summary == "" {
		summary = content
	}
	if content == "" {
		content = summary
	}
	for k, v := range map[string]string{"title": title, "link": link, "id": id, "summary": summary, "content": content, "author": author,
		"date": stamp(date), "updated": stamp(updated)} {
		f[fmt.Sprint(n, " ", k)] = v
	}
	for i, t := range tags {
		f[fmt.Sprint(n, " tag ", i)] = t
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return fmt.Sprint(t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second())
}

var address = regexp.MustCompile(`^(.+?) \(\S+@\S+\)$`)

// same compares a field: exactly, or what a reader sees of it.
func same(field, got, wanted string, exactly bool) bool {
	switch {
	case strings.HasSuffix(field, "date"), strings.HasSuffix(field, "updated"):
		if strings.Count(wanted, " ") >= 7 && !strings.ContainsAny(wanted, ":,") { // a tuple, with the days of week and year
			return got == strings.Join(strings.Fields(wanted)[:6], " ")
		}
		return got != "" // how the publisher wrote it is not kept
	case strings.HasSuffix(field, "author"):
		if m := address.FindStringSubmatch(wanted); m != nil {
			wanted = m[1] // the name is what is kept
		}
	}
	if got == wanted || exactly {
		return got == wanted
	}
	return clean.Text(got) == clean.Text(wanted)
}

// missed returns the wants that a result does not have, sorted.
func (c *testcase) missed(got found, exactly bool) (list []string) {
	for _, k := range slices.Sorted(maps.Keys(c.wants)) {
		if !same(k, got[k], c.wants[k], exactly) {
			list = append(list, fmt.Sprintf("%s is %q, want %q", k, got[k], c.wants[k]))
		}
	}
	return list
}

// TestConformance counts the cases whose title, link, id, summary, content,
// dates, author and tags are found, feed's and entries', exactly and after HTML
// to text. With -v it says which are not, by folder, and how bare gofeed does.
//
// What is mended is mended by the half of the cases whose name has an even
// checksum; the others are only counted. MILLRACE_CONFORMANCE=all names them as well.
func TestConformance(t *testing.T) {
	dir := conformance(t)
	var cases []*testcase
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".xml" {
			return err
		}
		c, err := readCase(dir, path)
		if c != nil && len(c.wants) > 0 {
			cases = append(cases, c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	type count struct{ cases, exact, text, bareExact, bareText int }
	halves, kinds := [2]count{}, map[string]*count{}
	for _, c := range cases {
		half := int(crc32.ChecksumIEEE([]byte(filepath.ToSlash(c.name))) % 2)
		kind := filepath.Dir(c.name)
		if kinds[kind] == nil {
			kinds[kind] = &count{}
		}
		got, err := c.ours()
		bare, _ := c.bare()
		missed := c.missed(got, false)
		for _, n := range []*count{&halves[half], kinds[kind]} {
			n.cases++
			for _, x := range []struct {
				to *int
				ok bool
			}{{&n.exact, len(c.missed(got, true)) == 0}, {&n.text, len(missed) == 0},
				{&n.bareExact, len(c.missed(bare, true)) == 0}, {&n.bareText, len(c.missed(bare, false)) == 0}} {
				if x.ok {
					*x.to++
				}
			}
		}
		if len(missed) > 0 && (half == 0 || os.Getenv("MILLRACE_CONFORMANCE") == "all") {
			t.Logf("%s: %v, %v", c.name, missed, err)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%s: %+v", kind, *kinds[kind])
	}
	all := count{}
	for kind, n := range kinds {
		if kind != "encoding" { // counted apart: code pages of another age
			all.cases, all.exact, all.text = all.cases+n.cases, all.exact+n.exact, all.text+n.text
			all.bareExact, all.bareText = all.bareExact+n.bareExact, all.bareText+n.bareText
		}
	}
	t.Logf("all but the encodings: %+v", all)
	if all.cases == 0 || all.text*1378 < 1320*all.cases {
		t.Errorf("%d of %d cases after HTML to text, fewer than 1,320 of 1,378", all.text, all.cases)
	}
	t.Logf("the half that was used: %+v", halves[0])
	t.Logf("the half held out: %+v", halves[1])
}

package feed

import (
	"bytes"
	"encoding/csv"
	"errors"
	"html"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"
)

// testdata returns the folder of the real feeds.
func testdata(t *testing.T) string {
	dir := os.Getenv("MILLRACE_TESTDATA")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("MILLRACE_TESTDATA is not set: CI needs the folder of real feeds")
		}
		t.Skip("MILLRACE_TESTDATA is not set to the folder of real feeds")
	}
	return dir
}

// noFeeds are the files of the collection that are no feeds, or so broken off
// that nothing is left: fragments, answers of APIs, pages.
var noFeeds = []string{
	"feed-rs/atom/atom_entry_1.xml", "feed-rs/rss2/rss_2.0_invalid_1.xml", "feed-rs/xml/xml_sample_1.xml", "feed-rs/xml/xml_sample_2.xml",
	"feedbin/apple_store_server_notification_v2.json", "feedbin/migration_empty_response.json", "feedbin/migration_error_response.json",
	"feedbin/migration_ids_response.json", "feedbin/migration_starred_response.json", "feedbin/migration_streams_response.json",
	"feedbin/migration_subscriptions_response.json", "feedbin/oembed.json", "feedbin/parsed_page.json", "feedbin/tweet_one.json",
	"feedbin/tweet_two.json", "feedbin/twitter_oembed.json", "feedjira/AmazonWebServicesBlogFirstEntryContent.xml",
	"feedjira/HREFConsideredHarmfulFirstEntry.xml", "feedjira/PaulDixExplainsNothingFirstEntryContent.xml", "feedjira/TechCrunchFirstEntry.xml",
	"feedjira/TechCrunchFirstEntryDescription.xml", "feedjira/TenderLovemakingFirstEntry.xml", "rss-parser/unrecognized.rss",
}

// empty are valid feeds without items.
var empty = []string{"FeedReader/Rss20DailyMail.xml"}

// TestRealFeeds reads all 430 real feeds. With MILLRACE_SOAK=1 it does so beside
// bare gofeed: no file may give fewer items.
func TestRealFeeds(t *testing.T) {
	dir := filepath.Join(testdata(t), "feeds")
	files, with, without, failed, items := 0, 0, 0, 0, 0
	beside := os.Getenv("MILLRACE_SOAK") != ""
	bareWith, bareWithout, bareFailed, bareItems := 0, 0, 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files++

		bare := 0
		if beside {
			switch g, err := gofeed.NewParser().Parse(bytes.NewReader(b)); {
			case err != nil:
				bareFailed++
			case len(g.Items) == 0:
				bareWithout++
			default:
				bare = len(g.Items)
				bareWith++
				bareItems += bare
			}
		}

		f, err := Parse(b, Hints{URL: "https://example.org/feed"})
		if noFeed := slices.Contains(noFeeds, rel); noFeed != (err != nil) {
			t.Errorf("%s is no feed: %v; it gives %v", rel, noFeed, err)
		}
		if err != nil {
			failed++
			if !errors.Is(err, ErrNotAFeed) && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v", rel, err)
			}
			return nil
		}
		if len(f.Items) < bare {
			t.Errorf("%s: %d items, bare gofeed has %d", rel, len(f.Items), bare)
		}
		if (len(f.Items) == 0) != slices.Contains(empty, rel) {
			t.Errorf("%s: %d items", rel, len(f.Items))
		}
		if len(f.Items) == 0 {
			without++
			return nil
		}
		with++
		items += len(f.Items)
		for _, i := range f.Items {
			if s := i.Title + i.Summary + i.Content; !utf8.ValidString(s) || strings.Contains(s, "ï¿½") {
				t.Errorf("%s: bad text in %q", rel, i.Title)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files: %d feeds with items (%d items), %d without, %d that are no feeds", files, with, items, without, failed)
	if beside {
		t.Logf("bare gofeed: %d feeds with items (%d items), %d without, %d errors", bareWith, bareItems, bareWithout, bareFailed)
	}
	if items < 6155 {
		t.Errorf("%d items: that was better before", items)
	}
	if files != 430 || with+without+failed != files {
		t.Errorf("%d files, want the 430 of the collection", files)
	}
}

// TestDamagedFeeds reads the re-encoded and damaged feeds. INDEX.tsv says what
// each should give, beside the feed that it was made of.
func TestDamagedFeeds(t *testing.T) {
	root := testdata(t)
	dir := filepath.Join(root, "feeds-damaged")
	f, err := os.Open(filepath.Join(dir, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	parse := func(path, contentType string) ([]Item, error) {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		f, err := Parse(b, Hints{URL: "https://example.org/", ContentType: contentType, Now: now})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", path, took)
		}
		if err != nil {
			return nil, err
		}
		return f.Items, nil
	}
	checked := 0
	for _, row := range rows[1:] {
		name, source, kind, expect := row[0], row[1], row[2], row[3]
		t.Run(name, func(t *testing.T) {
			contentType := ""
			if i := strings.Index(kind, "Content-Type: "); i >= 0 {
				contentType = strings.TrimSuffix(kind[i+len("Content-Type: "):], ")")
			}
			got, err := parse(filepath.Join(dir, name), contentType)
			if errors.Is(err, ErrTooLarge) {
				t.Error(err)
			}
			want, werr := parse(filepath.Join(root, "feeds", source), "")
			if source == "-" || errors.Is(werr, fs.ErrNotExist) {
				// The source is not among the feeds. The same feed in another
				// encoding is as good.
				want = nil
				if base, _, ok := strings.Cut(name, "."); ok && source != "-" {
					want, werr = parse(filepath.Join(dir, base+".utf16le-bom.xml"), "")
				}
			}
			if werr != nil && source != "-" {
				t.Fatal(werr)
			}
			compareDamaged(t, name, expect, got, want, err)
		})
		checked++
	}
	t.Logf("%d damaged feeds", checked)
	if checked != 44 {
		t.Errorf("%d damaged feeds, want the 44 of the index", checked)
	}
}

func compareDamaged(t *testing.T, name, expect string, got, want []Item, err error) {
	switch {
	case strings.HasPrefix(expect, "error or ok"):
	case strings.HasPrefix(expect, "error"):
		if err == nil {
			t.Errorf("%d items, want an error", len(got))
		}
	case strings.HasPrefix(expect, "no file content"):
		for _, i := range got {
			if strings.Contains(i.Title+i.Summary+i.Content, "root:") {
				t.Errorf("a file's content: %+v", i)
			}
		}
	case strings.HasPrefix(expect, "some"):
		if !strings.Contains(expect, "error") && err != nil {
			t.Errorf("cannot be read: %v", err)
		}
		if err == nil && (len(got) == 0 || len(got) > len(want)) {
			t.Errorf("%d items of %d", len(got), len(want))
		}
		sameItems(t, name, got, want[:min(len(got), len(want))])
	case strings.HasPrefix(expect, "articles identified by guid"):
		for i, x := range got {
			if x.GUID == "" || x.GUID != want[i].GUID {
				t.Errorf("item %d has guid %q, want %q", i, x.GUID, want[i].GUID)
			}
		}
		fallthrough
	case strings.HasPrefix(expect, "articles identified by link"), strings.HasPrefix(expect, "same"):
		if err != nil {
			t.Fatalf("cannot be read: %v", err)
		}
		if name == "nyt.dupitems.xml" { // five twice; the pipeline drops them
			got = slices.CompactFunc(slices.Clone(got), func(a, b Item) bool { return a.GUID == b.GUID })
			seen := map[string]bool{}
			got = slices.DeleteFunc(got, func(i Item) bool { was := seen[i.GUID]; seen[i.GUID] = true; return was })
		}
		sameItems(t, name, got, want)
	default:
		t.Errorf("the test does not know %q", expect)
	}
}

// sameItems compares what readers see, after entities: encodings that lack a
// character have it as one.
func sameItems(t *testing.T, name string, got, want []Item) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d items, want %d", len(got), len(want))
		return
	}
	text := func(s string) string { return html.UnescapeString(html.UnescapeString(s)) }
	for i := range got {
		g, w := text(got[i].Title), text(want[i].Title)
		switch name {
		case "nyt.badutf8.xml":
			g = strings.TrimSuffix(g, " café")
		case "nyt.baddate.xml", "nyt.futuredate.xml":
			if !got[i].Published.IsZero() {
				t.Errorf("item %d has date %v", i, got[i].Published)
			}
		}
		if g != w {
			t.Errorf("item %d is %q, want %q", i, g, w)
			return
		}
		if a, b := text(got[i].Summary), text(want[i].Summary); a != b && name != "nyt.badamp.xml" {
			t.Errorf("item %d says %.200q, want %.200q", i, a, b)
			return
		}
		if strings.Contains(g, "\ufffd") || strings.Contains(g, "ï¿½") || strings.Contains(g, "Ã©") {
			t.Errorf("mojibake: %q", g)
			return
		}
	}
}

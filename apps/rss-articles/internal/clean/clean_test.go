package clean

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/feed"
)

func TestCanonical(t *testing.T) {
	for link, want := range map[string]string{
		"HTTP://WWW.Example.ORG:80/a/../b/?utm_source=rss&b=2&a=1#top": "https://example.org/b?a=1&b=2",
		"https://m.example.org/story/amp":                              "https://example.org/story",
		"https://amp.example.org/story.amp.html":                       "https://example.org/story",
		"https://example.org":                                          "https://example.org/",
		"https://example.org/?at_medium=RSS&at_campaign=KARANGA":       "https://example.org/",
		"https://example.org/a?id=7&fbclid=x&UTM_Medium=y":             "https://example.org/a?id=7",
		"https://example.org:8443/a":                                   "https://example.org:8443/a",
		"https://www.m.com/a":                                          "https://m.com/a",
		"https://m.com/a":                                              "https://m.com/a",
		"https://bücher.example/ü":                                     "https://xn--bcher-kva.example/%C3%BC",
		"https://example.org/index.html":                               "https://example.org/",
		"https://en.m.example.org/a":                                   "https://en.example.org/a",
		"https://x.m.org/a":                                            "https://x.m.org/a",
		"https://example.org/amp/story":                                "https://example.org/story",
		"https://example.org/news/story.amp?amp=1":                     "https://example.org/news/story",
		"https://example.org/amplifiers/amp-2":                         "https://example.org/amplifiers/amp-2",
		"https://www.google.com/amp/s/www.example.org/amp/a%3Fb":       "https://example.org/a%3Fb",
		"https://www-example-org.cdn.ampproject.org/c/s/www.example.org/story.amp?usqp=x&id=1":                        "https://example.org/story?id=1",
		"https://example-org.cdn.ampproject.org/v/example.org:8080/a":                                                 "https://example.org:8080/a",
		"https://cdn.ampproject.org/c/s/localhost":                                                                    "https://cdn.ampproject.org/c/s/localhost",
		"https://www.google.com/url?rct=j&url=https://www.example.org/a%3Fid%3D1%26utm_source%3Dx&ct=ga":              "https://example.org/a?id=1",
		"https://out.reddit.com/?url=https%3A%2F%2Fl.facebook.com%2Fl.php%3Fu%3Dhttp%253A%252F%252Fexample.org%252Fb": "https://example.org/b",
		"https://www.google.com/url?q=javascript:alert(1)":                                                            "https://google.com/url?q=javascript%3Aalert%281%29",
		"https://example.org/url?q=https://other.example/":                                                            "https://example.org/url?q=https%3A%2F%2Fother.example%2F",
		"ftp://example.org/a": "",
		"javascript:alert(1)": "",
		"/relative":           "",
		"":                    "",
	} {
		if got := Canonical(link); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", link, got, want)
		}
	}
}

func TestCanonicalIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		link := "https://" + rapid.StringMatching(`((www\.|m\.|amp\.|[a-z]{1,2}\.){0,4}[a-z]{1,8}\.(org|com)|(www\.)?google\.com/amp(/s)?/m\.a\.org|(a-org\.)?cdn\.ampproject\.org/c(/s)?/(m\.)?a\.org)`).Draw(t, "host") +
			rapid.StringMatching(`(/amp){0,2}(/[a-zA-Z0-9%.-]{0,8}){0,4}(\.amp)?(/amp)?(/index\.html)?`).Draw(t, "path") +
			rapid.StringMatching(`(\?[a-z_]{1,8}=[a-z0-9%]{0,4}(&utm_[a-z]{1,4}=x)?)?`).Draw(t, "query")
		once := Canonical(link)
		if twice := Canonical(once); once != "" && twice != once {
			t.Fatalf("%q becomes %q, and that %q", link, once, twice)
		}
	})
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain  text":                      "plain text",
		"<p>One &amp; two</p><p>three</p>": "One & two\nthree",
		"a<script>alert('x')</script>b":    "ab",
		"<style>p{}</style>x<br/>y":        "x\ny",
		"&lt;p&gt;escaped twice&lt;/p&gt;": "escaped twice",
		"5 &lt; 6":                         "5 < 6",
		"caf\u0065\u0301":                  "caf\u00e9",
		"<img src=x onerror=alert(1)>pic":  "pic",
		"a<object data=x> b<p>c":           "a b\nc", // never closed
		"a<iframe src=x/> b":               "a b",
		"a<svg>x</SVG> b<svg> c":           "a b c",
		"zero\u200bwidth":                  "zero width",
		"bad\xffbyte":                      "badbyte",
		"  lines \n\n\n and\tspaces ":      "lines\nand spaces",
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestTextIsLinear reads what would be gone through again for each element.
func TestTextIsLinear(t *testing.T) {
	s := strings.Repeat("<svg></a>", 100_000) + "x"
	began := time.Now()
	if got := Text(s); got != "x" {
		t.Errorf("%.40q", got)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestLanguage(t *testing.T) {
	for s, want := range map[string]string{
		"The quick brown fox jumps over the lazy dog near the river bank":                                                             "en",
		"Der schnelle braune Fuchs springt über den faulen Hund am Flussufer":                                                         "", // Danish would do as well
		"Der schnelle braune Fuchs springt über den faulen Hund am Flussufer, und der Hund schläft weiter, weil ihn das nicht stört.": "de",
		"城市里的新地铁线路今天开通":                                                                                                               "zh",
		"iPhone 发布会今天举行":                                                                                                              "zh",
		"今日は天気がいいですね":                                                                                                                 "ja",
		"오늘은 날씨가 좋습니다":                                                                                                                "ko",
		"42":                                                                                                                          "",
		"General relativity weighs a white dwarf":                                                                                     "", // Haitian, it seems
		"Shr loss 14 cts vs loss 21 cts Net loss 353,000 vs loss 541,000 Revs 2,668,000 vs 2,525,000 Avg shrs 2,452,300 vs 2,552,300 Reuter": "", // French
		"Net 531,896 vs 727,781 Reuter: les revenus 16.0 mln, 16.8 mln hier et 32.7 mln de plus pour la société, profit annuel confirmé":     "fr",
		"Le Conseil annonce des mesures contre la hausse des prix":                                                                           "fr",
		"Bomb threat closes key US-Canada border crossing":                                                                                   "", // Uzbek
	} {
		if got := Language(s); got != want {
			t.Errorf("Language(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id := func(feedURL, link, guid, title string) string {
		a, err := Clean(Raw{Feed: feedURL, Fetched: at, Item: feed.Item{Link: link, GUID: guid, Title: title}})
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	if id("f", "https://e.org/a?utm_source=x", "1", "T") != id("g", "http://www.e.org/a", "2", "Other") {
		t.Error("one address in two forms has two identities")
	}
	if id("f", "", "1", "T") == id("g", "", "1", "T") || id("f", "", "1", "T") == id("f", "", "1", "U") {
		t.Error("a guid alone is taken for an identity")
	}
	if _, err := Clean(Raw{Feed: "f"}); !errors.Is(err, ErrNothing) {
		t.Errorf("an item of nothing: %v", err)
	}
}

func TestBounds(t *testing.T) {
	tags := make([]string, 100)
	for i := range tags {
		tags[i] = fmt.Sprint("tag", i)
	}
	a, err := Clean(Raw{Feed: "f", Item: feed.Item{Title: strings.Repeat("标题 ", 1000), Content: strings.Repeat("word ", 100_000), Tags: tags}})
	if err != nil || utf8.RuneCountInString(a.Title) > maxTitle+1 || utf8.RuneCountInString(a.Text) > maxText+1 || len(a.Tags) != maxTags {
		t.Errorf("title %d, text %d, tags %d, %v", utf8.RuneCountInString(a.Title), utf8.RuneCountInString(a.Text), len(a.Tags), err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("<p>x", "https://e.org/?a=%zz", "g")
	f.Fuzz(func(t *testing.T, s, link, guid string) {
		a, err := Clean(Raw{Feed: "f", Item: feed.Item{Title: s, Content: s, Link: link, GUID: guid}})
		if err == nil && (a.ID == "" || !utf8.ValidString(a.Text) || strings.Contains(strings.ToLower(a.Text), "<script>alert(") && !strings.Contains(s, "&")) {
			t.Errorf("%+v", a)
		}
	})
}

// The reading view's HTML comes with the text, safe and with absolute links.
func TestCleanKeepsSafeHTML(t *testing.T) {
	raw := Raw{Feed: "https://example.org/feed", Item: feed.Item{Link: "https://example.org/a/b?utm_source=x", Title: "T",
		Content: `<p onclick="x()">One <a href="../c">two</a><img src="https://track.example/p.gif"><script>three()</script></p>`}}
	a, err := Clean(raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := `<p>One <a href="https://example.org/c">two</a></p>`; a.HTML != want || a.Text != "One two" {
		t.Errorf("HTML %q, text %q; want %q", a.HTML, a.Text, want)
	}
	raw.Item.Content = "One two"
	if b, err := Clean(raw); err != nil || b.HTML != "" || b.Hash != a.Hash {
		t.Errorf("plain text: HTML %q, %v; the hash is of the text: %v", b.HTML, err, b.Hash == a.Hash)
	}
}

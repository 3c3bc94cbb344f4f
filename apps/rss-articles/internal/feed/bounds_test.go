package feed

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// TestWorkIsBounded reads documents that are made to cost much more:
// without the bounds the items alone take 0.7 GB.
func TestWorkIsBounded(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, 250_000) }
	text := func(s string) string { return strings.Repeat(s, 30_000) }
	const item = `<rss version="2.0"><channel><item><title>`
	for name, doc := range map[string]string{
		"items":     `<rss version="2.0"><channel>` + fill("<item><title>a</title></item>"),
		"ampersand": item + text("& "),
		"brackets":  item + fill("< "),
		"cdata":     item + text("<![CDATA["),
		"comments":  item + text("<!--"),
		"doctypes":  fill("<!DOCTYPE ["),
		"entities":  "<!DOCTYPE a [" + fill("<!ENTITY a \"&") + "]><rss></rss>",
		"attribute": `<rss version="2.0"><channel><item ` + fill("a='b' ") + "></item></channel></rss>",
		"page":      "<html>" + fill("<feed xmlns="),
		"category":  `<rss version="2.0"><channel>` + fill("<itunes:category a='b'>"),
		"bytes":     item + text("\xe9\xc8 "),
		"extension": `<rss version="2.0" xmlns:x="http://x/"><channel>` + fill("<x:a>b</x:a>"),
		"values":    `{"version":"https://jsonfeed.org/version/1","items":[` + fill(`{"id":1},`) + `{"id":2}]}`,
		"tags":      `{"version":"https://jsonfeed.org/version/1","items":[{"id":1,"tags":[` + fill(`"a",`) + `"b"]}]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Parse([]byte(doc), Hints{})
		runtime.ReadMemStats(&after)
		items := 0
		if f != nil {
			items = len(f.Items)
		}
		used := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %d items, %d MB allocated, %.100v", name, items, used, err)
		if used > 100 || items > 2000 {
			t.Errorf("%s: %d items, %d MB allocated", name, items, used)
		}
	}
	// The items that count are kept.
	f, err := Parse([]byte(`<rss version="2.0"><channel>`+strings.Repeat("<item><title>a</title></item>", 5000)+"</channel></rss>"), Hints{})
	if err != nil || len(f.Items) != 2000 {
		t.Errorf("of 5,000 items: %+v, %v", f, err)
	}
	if _, err := Parse([]byte(`<rss version="2.0"><channel>`+fill("<x>b</x>")), Hints{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than %d elements: %v", maxElements, err)
	}
}

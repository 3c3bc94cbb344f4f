package sanitize

import (
	"slices"
	"strconv"
	"strings"

	xhtml "golang.org/x/net/html"
)

// Picture is a picture of an article. Nothing loads it unless a reader wants it.
type Picture struct {
	URL string `json:"url"`
	Alt string `json:"alt,omitempty"` // its description
}

// maxPictures bounds the pictures of an article.
const maxPictures = 12

// Pictures returns the pictures in a feed's HTML, their addresses made absolute
// by that of the article: of the web, each once, at most 12. One that its HTML
// makes two pixels wide or high, or less, counts readers and is left out.
func Pictures(s, base string) (list []Picture) {
	z := xhtml.NewTokenizer(strings.NewReader(unescaped(bounded(s))))
	z.SetMaxBuf(maxInput)
	for kind := z.Next(); kind != xhtml.ErrorToken && len(list) < maxPictures; kind = z.Next() {
		if kind != xhtml.StartTagToken && kind != xhtml.SelfClosingTagToken {
			continue
		}
		t := z.Token()
		if t.Data != "img" || tiny(attribute(t, "width")) || tiny(attribute(t, "height")) {
			continue
		}
		address := Link(attribute(t, "src"), base)
		if address == "" { // loaded by a script, and a placeholder until then
			address = Link(attribute(t, "data-src"), base)
		}
		if address != "" && !slices.ContainsFunc(list, func(p Picture) bool { return p.URL == address }) {
			list = append(list, Picture{URL: address, Alt: cutText(strings.TrimSpace(attribute(t, "alt")), maxAlt)})
		}
	}
	return list
}

func tiny(size string) bool {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(size), "px"), 64)
	return err == nil && n <= 2
}

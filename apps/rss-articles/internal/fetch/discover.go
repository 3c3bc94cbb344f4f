package fetch

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// discover returns the address of the feed that a web page names
// (https://www.rssboard.org/rss-autodiscovery), "" if it names none.
func discover(page []byte, at string) string {
	base, err := url.Parse(at)
	if err != nil {
		return ""
	}
	z := html.NewTokenizer(bytes.NewReader(page[:min(len(page), 256<<10)]))
	z.SetMaxBuf(64 << 10)
	for range 5000 {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if t.DataAtom == atom.Body {
				return ""
			}
			if t.DataAtom != atom.Link {
				continue
			}
			attr := map[string]string{}
			for _, a := range t.Attr {
				attr[a.Key] = strings.TrimSpace(a.Val)
			}
			kind, _, _ := strings.Cut(strings.ToLower(attr["type"]), ";")
			switch kind {
			case "application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml":
			default:
				continue
			}
			u, err := base.Parse(attr["href"])
			if err == nil && strings.EqualFold(attr["rel"], "alternate") && fetchable(u) && len(u.String()) < 500 {
				return u.String()
			}
		}
	}
	return ""
}

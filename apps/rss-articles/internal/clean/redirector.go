package clean

import (
	"net/url"
	"strings"
)

// redirectors are pages that only lead elsewhere, by host and path, with the
// parameters that say where. What else redirects is not known without asking.
var redirectors = map[string][]string{
	"google.com/url":                {"url", "q"},
	"youtube.com/redirect":          {"q"},
	"l.facebook.com/l.php":          {"u"},
	"lm.facebook.com/l.php":         {"u"},
	"l.instagram.com/":              {"u"},
	"out.reddit.com/":               {"url"},
	"t.umblr.com/redirect":          {"z"},
	"vk.com/away.php":               {"to"},
	"duckduckgo.com/l":              {"uddg"},
	"slack-redir.net/link":          {"url"},
	"steamcommunity.com/linkfilter": {"u", "url"},
	"link.zhihu.com/":               {"target"},
	"jump.bdimg.com/safecheck":      {"url"},
	"exit.sc/":                      {"url"},
	"anon.to/":                      {"url"},
	"bing.com/news/apiclick.aspx":   {"url"},
	"douban.com/link2":              {"url"},
	"google.com/alerts/feeds/click": {"url"},
}

// maxHops bounds the redirectors that lead to each other.
const maxHops = 3

// target is the address that a redirector's address leads to, else the address
// itself.
func target(u *url.URL) *url.URL {
	for range maxHops {
		host, path := strings.ToLower(u.Host), u.Path
		host = strings.TrimPrefix(host, "www.")
		if path != "/" {
			path = strings.TrimSuffix(path, "/")
		}
		if path == "" {
			path = "/"
		}
		next := u
		for _, name := range redirectors[host+path] {
			if to, err := url.Parse(u.Query().Get(name)); err == nil && to.Host != "" && (to.Scheme == "http" || to.Scheme == "https") {
				next = to
				break
			}
		}
		if page := cached(u); page != nil {
			next = page
		}
		if next == u {
			return u
		}
		u = next
	}
	return u
}

// cached is the page that an address of a cache of AMP pages stands for, nil if it
// is none. Such an address has the page's after its kind, and s/ before it for
// https (https://amp.dev/documentation/guides-and-tutorials/learn/amp-caches-and-cors/amp-cache-urls).
func cached(u *url.URL) *url.URL {
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	var kinds []string
	switch {
	case host == "google.com":
		kinds = []string{"/amp/"}
	case host == "cdn.ampproject.org", strings.HasSuffix(host, ".cdn.ampproject.org"), strings.HasSuffix(host, ".bing-amp.com"):
		kinds = []string{"/c/", "/v/"}
	}
	for _, kind := range kinds {
		rest, ok := strings.CutPrefix(u.EscapedPath(), kind)
		if !ok {
			continue
		}
		scheme := "http://"
		if secure, ok := strings.CutPrefix(rest, "s/"); ok {
			scheme, rest = "https://", secure
		}
		page, err := url.Parse(scheme + rest)
		if err != nil || !strings.Contains(page.Hostname(), ".") {
			return nil
		}
		page.RawQuery = u.RawQuery
		return page
	}
	return nil
}

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
		if next == u {
			return u
		}
		u = next
	}
	return u
}

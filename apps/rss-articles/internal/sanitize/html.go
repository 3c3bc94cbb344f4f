package sanitize

import (
	"html"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
)

// Bounds of what is read and kept.
const (
	maxInput = 256 << 10 // bytes; what follows is not looked at
	maxHTML  = 48 << 10  // bytes of the outcome, but for the end tags
	maxDepth = 24        // of nested elements; deeper ones are taken off, their text stays
	maxLink  = 2048      // bytes of an address
	maxAlt   = 300       // bytes of a picture's description
)

// elements are those that are kept, and what they become: headings rank below
// the title of the article.
var elements = map[string]string{
	"p": "p", "br": "br", "hr": "hr", "h1": "h3", "h2": "h3", "h3": "h3", "h4": "h4", "h5": "h4", "h6": "h4",
	"ul": "ul", "ol": "ol", "li": "li", "dl": "dl", "dt": "dt", "dd": "dd",
	"blockquote": "blockquote", "pre": "pre", "code": "code", "kbd": "kbd", "samp": "samp",
	"em": "em", "i": "em", "strong": "strong", "b": "strong", "small": "small", "mark": "mark", "q": "q", "cite": "cite",
	"sub": "sub", "sup": "sup", "del": "del", "s": "del", "strike": "del", "ins": "ins", "u": "u", "a": "a",
	"figure": "figure", "figcaption": "figcaption", "table": "table", "caption": "caption", "thead": "thead",
	"tbody": "tbody", "tfoot": "tfoot", "tr": "tr", "th": "th", "td": "td", "div": "div", "section": "div", "article": "div",
}

// policy is built once and only read after that.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	for name := range elements {
		p.AllowElements(name)
	}
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("alt").OnElements("img")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.AllowURLSchemes("http", "https")
	p.SkipElementsContent("script", "style", "iframe", "noscript", "noembed", "noframes", "template", "object", "embed", "applet",
		"svg", "math", "audio", "video", "canvas", "select", "textarea", "title", "head", "xmp", "plaintext", "frameset", "form", "button")
	return p
})

// HTML returns the safe part of a feed's HTML, with links made absolute by the
// address of the article. It is well-formed and at most some 50 KB, cut with an
// ellipsis. It is "" for what has no markup, which the article's text holds as
// well. HTML of the outcome is the outcome.
func HTML(s, base string) string {
	s = unescaped(bounded(s))
	if !strings.Contains(s, "<") {
		return ""
	}
	var w writer
	walk(policy().Sanitize(s), base, &w)
	if !w.marked {
		return ""
	}
	return strings.TrimSpace(w.String())
}

// unescaped is HTML that was escaped twice, as some feeds have it.
func unescaped(s string) string {
	if !strings.Contains(s, "<") && strings.Contains(s, "&lt;") {
		return html.UnescapeString(s)
	}
	return s
}

// bounded cuts a text at a character, and removes what is not UTF-8 and control
// characters, which browsers and tokenizers take differently.
func bounded(s string) string {
	if len(s) > maxInput {
		n := maxInput
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// Link returns an address of the web, made absolute, or "" for any other, for
// one with a user's name in it, and for one that is too long.
func Link(address, base string) string {
	if len(strings.TrimSpace(address)) > maxLink {
		return ""
	}
	u := Resolve(address, base)
	if u == nil || u.User != nil {
		return ""
	}
	return u.String()
}

// Resolve makes an address absolute by a base. What is no address of the web
// gives nil.
func Resolve(address, base string) *url.URL {
	address = strings.TrimSpace(address)
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if !u.IsAbs() {
		b, err := url.Parse(base)
		if err != nil || !b.IsAbs() {
			return nil
		}
		u = b.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	return u
}

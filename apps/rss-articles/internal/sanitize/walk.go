package sanitize

import (
	"html"
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// sink takes well-formed content: each open has its close.
type sink interface {
	open(element, link string) // link: of an a
	close(element string)
	void(element string)
	text(s string) // not escaped
	size() int
}

// walk reads tokens and hands on what is allowed of them.
func walk(s, base string, to sink) {
	z := xhtml.NewTokenizer(strings.NewReader(s))
	z.SetMaxBuf(maxInput)
	w := walker{base: base, to: to}
	defer func() { w.shut(0) }()
	for {
		if to.size() > maxHTML {
			to.text("…")
			return
		}
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return
		}
		t := z.Token()
		switch kind {
		case xhtml.TextToken:
			w.text(cutText(t.Data, maxHTML-to.size()))
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			w.start(t)
		case xhtml.EndTagToken:
			w.end(elements[t.Data])
		}
	}
}

// walker keeps what is open.
type walker struct {
	base  string
	to    sink
	stack []opened
}

// opened is an element as it was asked for and as it was made.
type opened struct{ asked, made string }

// blocks end a paragraph.
var blocks = map[string]bool{"p": true, "h3": true, "h4": true, "ul": true, "ol": true, "li": true, "dl": true, "dt": true, "dd": true,
	"blockquote": true, "pre": true, "figure": true, "figcaption": true, "table": true, "div": true, "hr": true}

func (w *walker) top() opened {
	if len(w.stack) == 0 {
		return opened{}
	}
	return w.stack[len(w.stack)-1]
}

// shut closes elements until n are open.
func (w *walker) shut(n int) {
	for len(w.stack) > n {
		w.to.close(w.top().made)
		w.stack = w.stack[:len(w.stack)-1]
	}
}

func (w *walker) push(asked, made, link string) {
	w.to.open(made, link)
	w.stack = append(w.stack, opened{asked, made})
}

func (w *walker) text(s string) {
	if strings.TrimSpace(s) == "" {
		if top := w.top().made; top == "ul" || top == "ol" || top == "dl" {
			return
		}
	} else {
		w.inList("")
	}
	w.to.text(s)
}

// inList makes an entry for what stands in a list and is none.
func (w *walker) inList(name string) {
	switch top := w.top().made; {
	case (top == "ul" || top == "ol") && name != "li":
		w.push("", "li", "")
	case top == "dl" && name != "dt" && name != "dd":
		w.push("", "dd", "")
	}
}

func (w *walker) start(t xhtml.Token) {
	if t.Data == "img" {
		if alt := strings.TrimSpace(attribute(t, "alt")); alt != "" {
			w.text("[" + cutText(alt, maxAlt) + "]")
		}
		return
	}
	name, ok := elements[t.Data]
	if !ok {
		return
	}
	if blocks[name] && w.top().made == "p" { // whose end tag is left out now and then, as are those of entries
		w.shut(len(w.stack) - 1)
	}
	if top := w.top().made; top == "li" && name == "li" || (top == "dt" || top == "dd") && (name == "dt" || name == "dd") {
		w.shut(len(w.stack) - 1)
	}
	var link string
	if name == "a" {
		if at := slices.IndexFunc(w.stack, func(o opened) bool { return o.made == "a" }); at >= 0 { // links do not nest
			w.shut(at)
		}
		if link = Link(attribute(t, "href"), w.base); link == "" {
			return
		}
	}
	w.inList(name)
	switch {
	case name == "br" || name == "hr":
		w.to.void(name)
	case len(w.stack) >= maxDepth:
	case name == "li" && w.top().made != "ul" && w.top().made != "ol", (name == "dt" || name == "dd") && w.top().made != "dl":
		w.push(name, "div", "") // an entry of no list
	default:
		w.push(name, name, link)
	}
}

func (w *walker) end(name string) {
	for i := len(w.stack) - 1; i >= 0 && name != ""; i-- {
		if w.stack[i].asked == name {
			w.shut(i)
			return
		}
	}
}

func attribute(t xhtml.Token, name string) string {
	for _, a := range t.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val
		}
	}
	return ""
}

// cutText returns at most n bytes, less a character that would be split, and
// one character at least, so that the caller sees that it is over.
func cutText(s string, n int) string {
	if len(s) <= n+1 {
		return s
	}
	for i := range s {
		if i > n {
			return s[:i]
		}
	}
	return s
}

// writer is a sink of HTML.
type writer struct {
	strings.Builder
	marked bool // there is markup
}

func (w *writer) open(element, link string) {
	w.marked = true
	w.WriteString("<" + element)
	if link != "" {
		w.WriteString(` href="` + html.EscapeString(link) + `"`)
	}
	w.WriteByte('>')
}

func (w *writer) close(element string) { w.WriteString("</" + element + ">") }
func (w *writer) void(element string)  { w.marked = true; w.WriteString("<" + element + ">") }
func (w *writer) text(s string)        { w.WriteString(html.EscapeString(s)) }
func (w *writer) size() int            { return w.Len() }

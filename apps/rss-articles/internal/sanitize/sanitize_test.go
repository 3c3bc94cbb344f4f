package sanitize

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	xhtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const base = "https://example.org/news/story.html"

func TestHTML(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain text", "no markup & nothing else", ""},
		{"paragraphs", "<p>One</p><p>Two <b>bold</b></p>", "<p>One</p><p>Two <strong>bold</strong></p>"},
		{"end tags left out", "<p>One<p>Two<ul><li>a<li>b</ul>", "<p>One</p><p>Two</p><ul><li>a</li><li>b</li></ul>"},
		{"end tags without a start", "</div></p>One</b><p>Two", "One<p>Two</p>"},
		{"links", `<p><a href="/x?a=1&amp;b=2" onclick="f()" target=_top>x</a></p>`, `<p><a href="https://example.org/x?a=1&amp;b=2">x</a></p>`},
		{"links that go nowhere", `<p><a href="#top">x</a><a href="javascript:f()">y</a><a name=z>z</a></p>`, `<p><a href="https://example.org/news/story.html#top">x</a>yz</p>`},
		{"links in links", `<a href="/1">a <a href="/2">b</a></a>`, `<a href="https://example.org/1">a </a><a href="https://example.org/2">b</a>`},
		{"headings", "<h1>A</h1><h2>B</h2><h5>C</h5>", "<h3>A</h3><h3>B</h3><h4>C</h4>"},
		{"scripts", `<p>a<script>alert(1)</script>b<style>p{}</style>c</p>`, "<p>abc</p>"},
		{"pictures", `<p>a<img src="https://t.example/pixel.gif" width=1 height=1>b<img alt="A &lt;cat" src="c.jpg"></p>`, "<p>ab[A &lt;cat]</p>"},
		{"unknown elements keep their text", `<p><font color=red>a</font><blink>b</blink></p>`, "<p>ab</p>"},
		{"escaped twice", "&lt;p&gt;One &amp;amp; two&lt;/p&gt;", "<p>One &amp; two</p>"},
		{"escaped text stays text", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"},
		{"entries of no list", "<li>a</li><dd>b</dd>", "<div>a</div><div>b</div>"},
		{"a list's stray content", "<ul> x <p>y</p><li>z</li></ul>", "<ul><li> x <p>y</p></li><li>z</li></ul>"},
		{"comments and the like", "<!-- <script>x</script> --><!DOCTYPE x><?php x ?><p>a</p><![CDATA[b]]>", "<p>a</p>"},
		{"not UTF-8", "<p>a\xffb</p>", "<p>ab</p>"},
	} {
		if got := HTML(tt.in, base); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLink(t *testing.T) {
	for in, want := range map[string]string{
		"https://a.example/":             "https://a.example/",
		" //b.example/x ":                "https://b.example/x",
		"../y":                           "https://example.org/y",
		"javascript:alert(1)":            "",
		"JaVaScRiPt:alert(1)":            "",
		"java\tscript:alert(1)":          "",
		"data:text/html,x":               "",
		"vbscript:x":                     "",
		"https://user:secret@a.example/": "",
		"https:///":                      "",
		"":                               "",
		"https://a.example/" + strings.Repeat("x", 4000): "",
	} {
		if got := Link(in, base); got != want {
			t.Errorf("%.60q: %q, want %q", in, got, want)
		}
	}
	if got := Link("/x", ""); got != "" {
		t.Errorf("without a base: %q", got)
	}
}

func TestBounds(t *testing.T) {
	for name, in := range map[string]string{
		"long text":       "<p>" + strings.Repeat("x", 10<<20),
		"many elements":   strings.Repeat("<p>x</p>", 60_000),
		"deep":            strings.Repeat("<div>", 40_000) + "x",
		"deep and closed": strings.Repeat("<b><i>", 20_000) + strings.Repeat("</i></b>", 20_000),
		"empty elements":  strings.Repeat("<br>", 60_000),
		"Chinese":         "<p>" + strings.Repeat("字", 100_000),
		"escaped":         "<p>" + strings.Repeat("&lt;", 100_000),
		"long attribute":  `<p title="` + strings.Repeat("x", 1<<20) + `">a</p>`,
	} {
		out := HTML(in, base)
		if len(out) > 6*maxHTML || !utf8.ValidString(out) {
			t.Errorf("%s: %d bytes, valid UTF-8 %v", name, len(out), utf8.ValidString(out))
		}
		nodes := Tree(in)
		if n, deep := measure(nodes); n > maxNodes+maxDepth+2 || deep > maxDepth {
			t.Errorf("%s: %d nodes, %d deep", name, n, deep)
		}
	}
}

func measure(nodes []Node) (count, depth int) {
	for _, n := range nodes {
		c, d := measure(n.Nodes)
		count += c + 1
		if n.Name != "" {
			depth = max(depth, d+1)
		}
	}
	return count, depth
}

func TestTree(t *testing.T) {
	got := fmt.Sprintf("%+v", Tree(`<p>a <a href="https://a.example/" onclick=x>b</a></p><script>x</script><img src=x onerror=y>`))
	want := fmt.Sprintf("%+v", []Node{{Name: "p", Nodes: []Node{{Text: "a "}, {Name: "a", Link: "https://a.example/", Nodes: []Node{{Text: "b"}}}}}})
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := Lines(" a \n\n<b>b"); len(got) != 2 || got[1].Nodes[0].Text != "<b>b" {
		t.Errorf("lines: %+v", got)
	}
}

// checkSafe says what a browser would find in HTML that is none of ours.
func checkSafe(s string) error {
	nodes, err := xhtml.ParseFragment(strings.NewReader(s), &xhtml.Node{Type: xhtml.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return err
	}
	made := map[string]bool{"html": true, "head": true, "body": true, "colgroup": true}
	for _, name := range elements {
		made[name] = true
	}
	var check func(*xhtml.Node) error
	check = func(n *xhtml.Node) error {
		switch n.Type {
		case xhtml.ElementNode:
			if !made[n.Data] || n.Namespace != "" {
				return fmt.Errorf("element %s %s", n.Namespace, n.Data)
			}
			for _, a := range n.Attr {
				if n.Data != "a" || a.Key != "href" || Link(a.Val, "") == "" {
					return fmt.Errorf("attribute %s=%q of %s", a.Key, a.Val, n.Data)
				}
			}
		case xhtml.CommentNode, xhtml.DoctypeNode, xhtml.RawNode:
			return fmt.Errorf("a node of type %d", n.Type)
		}
		for c := range n.ChildNodes() {
			if err := check(c); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range nodes {
		if err := check(n); err != nil {
			return err
		}
	}
	return nil
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<p>a</p>", "<ul><li>a<p>b", `<a href="javascript:x">y</a>`, "<svg><style><img src=x onerror=y></style></svg>",
		"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
		"&lt;script&gt;x", "<dl>x<dt>y", "<noscript><p title=\"</noscript><img src=x onerror=y>\">", "<p>\x00<a href=\"\x01javascript:x\">"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := HTML(s, base)
		if err := checkSafe(once); err != nil {
			t.Fatalf("%q gives %q: %v", s, once, err)
		}
		if twice := HTML(once, base); twice != once && once != "" {
			t.Fatalf("%q gives %q, which gives %q", s, once, twice)
		}
		Tree(s)
	})
}

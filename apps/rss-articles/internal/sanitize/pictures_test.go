package sanitize

import (
	"fmt"
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	many := ""
	for i := range 30 {
		many += fmt.Sprintf(`<img src="/%d.png">`, i)
	}
	for name, c := range map[string]struct{ in, want string }{
		"none":          {"<p>a</p>", "[]"},
		"relative":      {`<p>x<img src="c.jpg" alt=" A &lt;cat "></p>`, "[{https://a.example/b/c.jpg A <cat}]"},
		"twice":         {`<img src=/x.png><img src=https://a.example/x.png alt=y>`, "[{https://a.example/x.png }]"},
		"pixel":         {`<img src=/p.gif width=1 height=1><img src=/q.gif height="0px"><img src=/r.gif width=2.0>`, "[]"},
		"wide":          {`<img src=/p.gif width=100%>`, "[{https://a.example/p.gif }]"},
		"lazy":          {`<img src="data:image/gif;base64,x" data-src="/l.webp">`, "[{https://a.example/l.webp }]"},
		"other schemes": {`<img src=javascript:alert(1)><img src=file:///etc/passwd><img src="data:image/svg+xml,x"><img src=ftp://a.example/x>`, "[]"},
		"password":      {`<img src=https://u:p@a.example/x.png>`, "[]"},
		"in a script":   {`<script>"<img src=/x.png>"</script><style><img src=/y.png></style><!-- <img src=/z.png> -->`, "[]"},
		"escaped twice": {`&lt;img src=/x.png&gt;`, "[{https://a.example/x.png }]"},
		"endless":       {"<img src=/" + strings.Repeat("x", 5000) + ">", "[]"},
		"broken":        {`<img src=/x.png alt="`, "[]"},
	} {
		if got := fmt.Sprint(Pictures(c.in, "https://a.example/b/article")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if n := len(Pictures(many, "https://a.example/")); n != maxPictures {
		t.Errorf("%d pictures of 30", n)
	}
}

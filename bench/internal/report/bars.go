package report

import (
	"fmt"
	"html"
	"strings"
)

// bar is a bar of a plot.
type bar struct {
	name  string
	value float64
	ours  bool
}

// bars draws values as bars. The colours suit light and dark pages. With a
// line, where it is 1 is shown: better on one side, worse on the other.
func bars(title string, all []bar, one bool) string {
	const line, width = 24, 400
	left, most := 80, 0.0
	for _, v := range all {
		left, most = max(left, 8*len(v.name)+16), max(most, v.value)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13" fill="#888">`+"\n",
		left+width+80, line*(len(all)+1)+8)
	fmt.Fprintf(&b, `<text x="%d" y="16">%s</text>`+"\n", left, html.EscapeString(title))
	for i, v := range all {
		y, w := line*(i+1), 1.0
		if most > 0 {
			w = max(1, v.value/most*width)
		}
		colour := "#888"
		if v.ours {
			colour = "#2a7ae2"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.0f" height="16" fill="%s"/><text x="%.0f" y="%d">%.2f</text>`+"\n",
			left-8, y+16, html.EscapeString(v.name), left, y+3, w, colour, float64(left)+w+6, y+16, v.value)
	}
	if one && most > 0 {
		x := float64(left) + min(1/most, 1)*width
		fmt.Fprintf(&b, `<line x1="%.0f" y1="24" x2="%.0f" y2="%d" stroke="#2a7ae2" stroke-dasharray="4 3"/>`+"\n", x, x, line*(len(all)+1))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

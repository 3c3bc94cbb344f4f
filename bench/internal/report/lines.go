package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Point is a value at a place.
type Point struct {
	X, Y  float64
	Label string // of the place; the first series that has it tells
}

// Series is a line of a plot.
type Series struct {
	Name   string
	Points []Point // in the order of X
	Ours   bool
}

// Lines draws series as lines, over a logarithmic axis of places and an axis of
// values that begins at zero. The colours suit light and dark pages.
func Lines(title string, all []Series) string {
	const left, top, width, height = 60, 36, 420, 200
	first, last, most := math.Inf(1), math.Inf(-1), 0.0
	for _, s := range all {
		for _, p := range s.Points {
			first, last, most = min(first, p.X), max(last, p.X), max(most, p.Y)
		}
	}
	if most == 0 {
		most = 1
	}
	x := func(v float64) float64 {
		if last <= first || first <= 0 {
			return left + width/2
		}
		return left + width*math.Log(v/first)/math.Log(last/first)
	}
	y := func(v float64) float64 { return top + height - height*v/most }

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13" fill="#888">`+"\n",
		left+width+160, top+height+36)
	fmt.Fprintf(&b, `<text x="%d" y="16">%s</text>`+"\n", left, html.EscapeString(title))
	for _, v := range []float64{0, most / 2, most} {
		fmt.Fprintf(&b, `<line x1="%d" y1="%.0f" x2="%d" y2="%.0f" stroke="#8884"/><text x="%d" y="%.0f" text-anchor="end">%.3g</text>`+"\n",
			left, y(v), left+width, y(v), left-6, y(v)+4, v)
	}
	var labelled []float64
	colours := []string{"#e07a1f", "#888", "#3a9a5b"}
	ends := []float64{} // heights of the names, which must not meet
	for i, s := range all {
		colour := "#2a7ae2"
		if !s.Ours {
			colour = colours[i%len(colours)]
		}
		var points []string
		for _, p := range s.Points {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(p.X), y(p.Y)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.X), y(p.Y), colour)
			if !slices.Contains(labelled, p.X) {
				labelled = append(labelled, p.X)
				fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(p.X), top+height+20, html.EscapeString(p.Label))
			}
		}
		if len(points) == 0 {
			continue
		}
		end := s.Points[len(s.Points)-1]
		at := y(end.Y) + 4
		for slices.ContainsFunc(ends, func(other float64) bool { return math.Abs(other-at) < 14 }) {
			at += 14
		}
		ends = append(ends, at)
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n",
			strings.Join(points, " "), colour, x(end.X)+8, at, colour, html.EscapeString(s.Name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

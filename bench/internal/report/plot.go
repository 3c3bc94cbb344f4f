package report

import (
	"fmt"
	"html"
	"strings"

	"github.com/millrace/millrace/bench/internal/measure"
)

// plot draws the processor time for a million records of each contender on a
// workload, or the latencies where there are some, as bars. The colours suit
// light and dark pages.
func (r *Report) plot(workload string) string {
	type bar struct {
		name  string
		value float64
	}
	var bars []bar
	unit, most := "CPU seconds per million records", 0.0
	for _, k := range r.order {
		if k[0] != workload || len(r.runs[k]) == 0 {
			continue
		}
		m, _, _ := measure.Median(r.runs[k])
		v := m.CPUPerMillion()
		if len(m.Latencies) > 0 {
			unit, v = "p99 latency in milliseconds", m.Percentile(0.99).Seconds()*1000
		}
		bars, most = append(bars, bar{k[1], v}), max(most, v)
	}
	const line, left, width = 24, 150, 400
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13" fill="#888">`+"\n",
		left+width+80, line*(len(bars)+1)+8)
	fmt.Fprintf(&b, `<text x="%d" y="16">%s: %s</text>`+"\n", left, html.EscapeString(workload), unit)
	for i, v := range bars {
		y, w := line*(i+1), 1.0
		if most > 0 {
			w = max(1, v.value/most*width)
		}
		colour := "#888"
		if strings.HasPrefix(v.name, "millrace") {
			colour = "#2a7ae2"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.0f" height="16" fill="%s"/><text x="%.0f" y="%d">%.2f</text>`+"\n",
			left-8, y+16, html.EscapeString(v.name), left, y+3, w, colour, left+w+6, y+16, v.value)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

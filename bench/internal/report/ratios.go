package report

import (
	"fmt"
	"io"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/measure"
)

// ratio is what a contender costs for each unit that Millrace costs.
type ratio struct {
	workload, measure, contender string
	value                        float64
}

// measures are what ratios are of. Each is a cost.
var measures = []string{"cpu_s_per_million", "wall_s_per_million", "peak_rss", "p99_ms"}

// Ratios prints for each workload and measure what a contender costs for each
// unit that Millrace costs: above 1, Millrace is better. A contender is
// compared with Millrace under the same guarantee. Of several runs it is the
// middle one. Kafka Streams' memory is that with the smallest heap that is
// enough, where Heap told it.
func (r *Report) Ratios(w io.Writer) {
	for _, v := range r.ratios() {
		fmt.Fprintf(w, "ratio %s %s %s/millrace %.2f\n", v.workload, v.measure, v.contender, v.value)
	}
}

func (r *Report) ratios() (all []ratio) {
	exactlyOnce := map[string]bool{}
	for _, c := range contender.All("") {
		exactlyOnce[c.Name] = c.ExactlyOnce
	}
	for _, k := range r.order {
		base := contender.Base(exactlyOnce[k[1]])
		if k[1] == contender.Base(false) {
			base = contender.Base(true) // what exactly-once costs
		}
		ours, theirs := r.runs[[2]string{k[0], base}], r.runs[k]
		if k[1] == base || len(ours) == 0 || len(theirs) == 0 {
			continue
		}
		o, _, _ := measure.Median(ours)
		t, _, _ := measure.Median(theirs)
		peak := t.Peak
		if h, ok := r.heaps[k]; ok {
			peak = h.result.Peak
		}
		for i, v := range [][2]float64{
			{t.CPUPerMillion(), o.CPUPerMillion()},
			{t.WallPerMillion(), o.WallPerMillion()},
			{float64(peak), float64(o.Peak)},
			{t.Percentile(0.99).Seconds(), o.Percentile(0.99).Seconds()},
		} {
			if v[0] > 0 && v[1] > 0 {
				all = append(all, ratio{k[0], measures[i], k[1], v[0] / v[1]})
			}
		}
	}
	return all
}

// ratioPlot draws the ratios of a measure, or nothing without any.
func (r *Report) ratioPlot(measure string) string {
	var all []bar
	for _, v := range r.ratios() {
		if v.measure == measure {
			all = append(all, bar{name: v.workload + ", " + v.contender, value: v.value})
		}
	}
	if len(all) == 0 {
		return ""
	}
	return bars(measure+" for each of Millrace's: right of the line Millrace is better", all, true)
}

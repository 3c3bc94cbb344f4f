package report

import (
	"strings"

	"github.com/millrace/millrace/bench/internal/measure"
)

// plot draws the processor time for a million records of each contender on a
// workload, or the latencies where there are some.
func (r *Report) plot(workload string) string {
	var all []bar
	unit := "CPU seconds per million records"
	for _, k := range r.order {
		if k[0] != workload || len(r.runs[k]) == 0 {
			continue
		}
		m, _, _ := measure.Median(r.runs[k])
		v := m.CPUPerMillion()
		if len(m.Latencies) > 0 {
			unit, v = "p99 latency in milliseconds", m.Percentile(0.99).Seconds()*1000
		}
		all = append(all, bar{k[1], v, strings.HasPrefix(k[1], "millrace")})
	}
	return bars(workload+": "+unit, all, false)
}

// Package measure runs a contender on a workload and says what it cost.
//
// The cost is counted by the operating system: processor time from
// /proc/pid/stat, memory from VmHWM. It is counted between two moments that
// are the same for every contender: when it has committed a fifth of the
// input, by which time compilers and caches are warm, and when it has
// committed all of it, or a limit of time is up. Commits are seen from outside, as the positions of the
// contender's consumer group.
package measure

import (
	"slices"
	"time"
)

// Result is what one run of a contender cost.
type Result struct {
	Workload, Contender string
	// Records were processed in Wall with CPU of processor time; for a
	// restore they are the rows that were restored.
	Records int64
	Wall    time.Duration
	CPU     time.Duration
	// Reached is how much of the input was committed at the end, Of how much
	// there was: less if the run was cut off by the limit.
	Reached, Of int64
	Peak        int64 // bytes resident at most
	// Outputs are the committed records of the output, -1 where they were not
	// counted, and Want how many there should be, -1 where that depends on
	// the commits.
	Outputs, Want int64
	// Latencies are the times from sending to output, in order.
	Latencies []time.Duration
}

// Cut says that the run did not come to the end of its input.
func (r Result) Cut() bool { return r.Reached < r.Of }

// Rate returns records per second.
func (r Result) Rate() float64 { return float64(r.Records) / r.Wall.Seconds() }

// CPUPerMillion returns seconds of processor time for a million records.
func (r Result) CPUPerMillion() float64 { return r.CPU.Seconds() * 1e6 / float64(r.Records) }

// WallPerMillion returns seconds for a million records.
func (r Result) WallPerMillion() float64 { return r.Wall.Seconds() * 1e6 / float64(r.Records) }

// Percentile returns the latency that a share of the records did not exceed,
// or zero without latencies.
func (r Result) Percentile(share float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(int(share*float64(len(r.Latencies))), len(r.Latencies)-1)]
}

// Median returns of several runs the one in the middle by processor time for
// each record. The least and the greatest go with it, in seconds for a
// million.
func Median(runs []Result) (middle Result, least, most float64) {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b Result) int {
		switch x, y := a.CPUPerMillion(), b.CPUPerMillion(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2], sorted[0].CPUPerMillion(), sorted[len(sorted)-1].CPUPerMillion()
}

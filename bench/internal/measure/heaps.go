package measure

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Heap is a JVM's greatest heap in MiB.
type Heap int

// String is as -Xmx has it.
func (h Heap) String() string { return strconv.Itoa(int(h)) + "m" }

// ParseHeaps reads sizes such as 64m or 1g, with commas between, and returns
// them from the smallest to the greatest.
func ParseHeaps(s string) (heaps []Heap, err error) {
	if s == "" {
		return nil, nil
	}
	for _, one := range strings.Split(s, ",") {
		number, unit := strings.CutSuffix(one, "m")
		scale := 1
		if !unit {
			number, unit = strings.CutSuffix(one, "g")
			scale = 1024
		}
		n, err := strconv.Atoi(number)
		if err != nil || !unit || n < 1 || n > 1<<20 {
			return nil, fmt.Errorf("heap %q: give sizes such as 64m or 1g", one)
		}
		heaps = append(heaps, Heap(n*scale))
	}
	slices.Sort(heaps)
	return slices.Compact(heaps), nil
}

// loss is the share of the throughput that a heap may cost.
const loss = 0.05

// SmallestHeap returns the smallest heap with which the throughput is less than
// 5 % below that with the greatest, and what was measured with it. Heaps are
// tried from the smallest on. One with which the contender fails is too small.
func SmallestHeap(heaps []Heap, run func(Heap) (Result, error)) (Heap, Result, error) {
	heaps = slices.SortedFunc(slices.Values(heaps), cmp.Compare[Heap])
	if len(heaps) == 0 {
		return 0, Result{}, fmt.Errorf("no heaps to try")
	}
	most := heaps[len(heaps)-1]
	best, err := run(most)
	if err != nil {
		return 0, best, fmt.Errorf("with the greatest heap, %s: %w", most, err)
	}
	for _, h := range heaps[:len(heaps)-1] {
		if r, err := run(h); err == nil && r.Rate() > (1-loss)*best.Rate() {
			return h, r, nil
		}
	}
	return most, best, nil
}

package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// slack is how many goroutines may come and go, and as many open files:
// connections to the broker are opened when they are needed.
const slack = 12

// room is how many bytes the heap may be larger in the last quarter than in the
// second: LevelDB's cache of blocks fills, 4 MiB here, and the caches of decoded
// values; buffers for fetched records are as large as what was fetched at once;
// the page's list of articles grows up to its bound.
const room = 16 << 20

// sample is what the process has at the end of an hour.
type sample struct {
	heap       uint64 // bytes, after a collection
	resident   uint64 // bytes in memory, as the system counts; 0 if it does not tell
	files      int    // that are open, sockets too; likewise
	goroutines int
	articles   int
}

// sample counts when nothing is under way.
func (s *soak) sample(hour int) sample {
	eventually(s.t, "no feed hangs", func() string {
		if n := s.feeds.busy(true); n > 0 {
			return fmt.Sprintf("%d requests run", n)
		}
		return ""
	})
	eventually(s.t, "all processors run", s.idle)
	x := sample{goroutines: runtime.NumGoroutine(), files: openFiles(), articles: len(rows[topics.Entry](s.app, topics.Articles.Name()))}
	for range 10 { // what is about to end ends
		<-s.ticker.C
		x.goroutines = min(x.goroutines, runtime.NumGoroutine())
		x.files = min(x.files, openFiles())
	}
	runtime.GC()
	runtime.GC() // what pools hold survives the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	x.heap, x.resident = m.HeapAlloc, resident()
	profileHeap(s.t, hour)
	return x
}

// profileHeap writes a profile of the heap to the folder that is in
// MILLRACE_SOAK_PROFILES, for go tool pprof -diff_base.
func profileHeap(t *testing.T, hour int) {
	dir := os.Getenv("MILLRACE_SOAK_PROFILES")
	if dir == "" {
		return
	}
	var b bytes.Buffer
	err := pprof.Lookup("heap").WriteTo(&b, 0)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("hour-%02d.pprof", hour)), b.Bytes(), 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// openFiles counts what is open on Linux, and is 0 elsewhere.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// resident is the size of the process in memory on Linux, and 0 elsewhere.
func resident() uint64 { return residentOf(os.Getpid()) }

func residentOf(pid int) uint64 {
	var size, pages uint64
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err == nil {
		_, err = fmt.Sscan(string(b), &size, &pages)
	}
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// table prints samples, as docs/soak.md shows them.
func table(samples []sample) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "| hour\t| heap, MB\t| resident, MB\t| goroutines\t| open files\t| articles\t|")
	fmt.Fprintln(w, "|---:\t|---:\t|---:\t|---:\t|---:\t|---:\t|")
	for i, x := range samples {
		fmt.Fprintf(w, "| %d\t| %.1f\t| %.0f\t| %d\t| %d\t| %d\t|\n", i+1, float64(x.heap)/1e6, float64(x.resident)/1e6, x.goroutines, x.files, x.articles)
	}
	_ = w.Flush() // into memory
	return b.String()
}

// checkFlat checks that nothing grows.
func (s *soak) checkFlat(samples []sample) {
	first, last := samples[0], samples[len(samples)-1]
	if last.goroutines > first.goroutines+slack {
		stacks := make([]byte, 1<<20)
		s.t.Errorf("%d goroutines after an hour, %d at the end:\n%s", first.goroutines, last.goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	quarter := len(samples) / 4
	second, end := samples[quarter:2*quarter], samples[len(samples)-quarter:]
	heap := func(x sample) int { return int(x.heap) }
	if before, after := least(second, heap), least(end, heap); after > before+room {
		s.t.Errorf("the heap was %d bytes in the second quarter and is %d in the last: more by over %d", before, after, room)
	}
	// Between two restarts of the processors, which merge them, stores get more
	// files.
	files := func(x sample) int { return x.files }
	if before, after := least(second, files), least(end, files); after > before+before/4+slack {
		s.t.Errorf("%d files were open in the second quarter, %d are in the last", before, after)
	}
}

// least is what a figure goes down to: LevelDB keeps the memory table that a
// store had while another was written out for up to 30 s, which are hours here.
func least(samples []sample, of func(sample) int) int {
	low := of(samples[0])
	for _, x := range samples[1:] {
		low = min(low, of(x))
	}
	return low
}

package engine

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
)

const (
	maxStacks = 16 << 20 // bytes of all goroutines' stacks that are looked through
	maxStack  = 16 << 10 // bytes of one that are kept
)

// goroutine returns the id of the goroutine that calls it, 0 if the runtime
// writes it differently one day.
func goroutine() int64 {
	var buf [64]byte
	b, ok := bytes.CutPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	if !ok {
		return 0
	}
	b, _, _ = bytes.Cut(b, []byte(" "))
	n, _ := strconv.ParseInt(string(b), 10, 64)
	return n
}

// stackOf returns the stack of a goroutine; empty if it is not found. It stops
// the program for the time it takes to write all stacks down.
func stackOf(id int64) string {
	if id == 0 {
		return ""
	}
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && len(buf) < maxStacks {
		buf = make([]byte, 4*len(buf))
		n = runtime.Stack(buf, true)
	}
	for s := range bytes.SplitSeq(buf[:n], []byte("\n\n")) {
		if bytes.HasPrefix(s, fmt.Appendf(nil, "goroutine %d ", id)) {
			return string(s[:min(len(s), maxStack)])
		}
	}
	return ""
}

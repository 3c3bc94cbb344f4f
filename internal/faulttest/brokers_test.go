//go:build kafka

package faulttest

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// Each broker is stopped, killed and paused while records are processed; then
// all of them are bounced in turn, five times. The short form does one of each,
// and picks the coordinators for it.
func TestBrokers(t *testing.T) {
	k := newCluster(t)
	x := newRun(t, k.Addresses(), pipeline.ExactlyOnce, "eos-hop", 2)
	x.patience(either(5*patient, 2*patient))
	x.startAll()
	stop := x.load(either(1_000, 500))
	// note tells what the broker is that is about to fail.
	note := func(i int) int {
		for p := range x.w.processors() {
			group, transactions := x.coordinators(p)
			if group == i {
				x.fault("the group's coordinator")
			}
			if transactions == i {
				x.fault("the transactions' coordinator")
			}
		}
		return i
	}
	if long() {
		for i := range 3 {
			for _, f := range []func(*run, int){k.stopped, k.killed, k.paused} {
				f(x, note(i))
				x.pass(time.Second)
			}
		}
		for range 5 {
			for i := range 3 {
				k.stopped(x, note(i))
			}
			x.fault("all bounced in turn")
		}
	} else {
		group, _ := x.coordinators("first")
		k.paused(x, note(group))
		_, transactions := x.coordinators("second")
		k.killed(x, note(transactions))
		rest := slices.IndexFunc([]int{0, 1, 2}, func(i int) bool { return i != group && i != transactions })
		x.must(k.Stop(rest))
		x.fault("broker stopped")
		x.kill9(0) // while a broker is away
		x.start(0)
		k.back(rest)
	}
	stop()
	x.finish()
}

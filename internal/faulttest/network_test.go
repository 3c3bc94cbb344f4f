//go:build kafka

package faulttest

import (
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
)

// netFault is what may happen between a service and the brokers.
type netFault struct {
	name             string
	toxic, direction string
	attributes       map[string]int64
	lasts            time.Duration
}

// partitioned is for how long a partition lasts: longer than the session and
// than a transaction of one that is gone.
const partitioned = sessionTimeout + 5*time.Second

var netFaults = []netFault{
	{"latency of 100 to 300 ms", "latency", "both", map[string]int64{"latency": 200, "jitter": 100}, 8 * time.Second},
	{"resets", "reset_peer", "downstream", map[string]int64{"timeout": 50}, 5 * time.Second},
	{"half open: requests vanish", "timeout", "upstream", map[string]int64{"timeout": 0}, 4 * time.Second},
	// The nastiest: what was asked for is done, and nobody is told.
	{"half open: answers vanish", "timeout", "downstream", map[string]int64{"timeout": 0}, 4 * time.Second},
	{"partition longer than the session", "timeout", "both", map[string]int64{"timeout": 0}, partitioned},
	// What was under way arrives, long after the group has gone on.
	{"requests late by more than the session", "latency", "upstream", map[string]int64{"latency": partitioned.Milliseconds()}, partitioned + 2*time.Second},
}

// happen lets a fault befall the connections of a network. Before it is mended,
// atEnd is called.
func (f netFault) happen(x *run, w *network, atEnd func()) {
	x.Helper()
	w.fail(f.toxic, f.direction, f.attributes)
	x.fault(f.name)
	x.pass(f.lasts)
	atEnd()
	w.mend()
}

func nothing() {}

// alone checks that the groups have thrown out the one that is cut off, as they
// do unless a rebalance was under way before.
func (x *run) alone() {
	x.Helper()
	for p := range x.w.processors() {
		name := x.w.name() + "-" + p
		groups, err := x.admin.DescribeGroups(x.ctx, name)
		if err != nil {
			x.Fatal(err)
		}
		if n := len(groups[name].Members); n >= len(x.services) {
			x.Errorf("group %s still has %d members after %v", name, n, partitioned)
		}
	}
}

// The network of one of two services, then of the other, fails in each way, while
// its fellow's is good and takes over if it lasts. In the end a service that was
// cut off is a zombie: what it had not committed must not come.
func TestNetwork(t *testing.T) {
	nets := []*network{newNetwork(t), newNetwork(t)}
	k := newCluster(t, nets[0].listener(), nets[1].listener())
	x := newRun(t, k.Addresses(), pipeline.ExactlyOnce, "eos-hop", 2)
	x.patience(either(4*patient, 2*patient))
	for i, w := range nets {
		w.connect(k.ListenerAddresses(i))
		x.services[i].Brokers = w.addresses()
	}
	x.startAll()
	stop := x.load(either(2_000, 500))
	for i := range either(3, 1) {
		for j, f := range netFaults {
			if !long() && f.lasts < partitioned {
				f.lasts /= 2 // it need not be longer than the session
			}
			atEnd := nothing
			if f.lasts == partitioned {
				atEnd = x.alone
			}
			f.happen(x, nets[(i+j)%2], atEnd)
			x.pass(either(2*time.Second, time.Second))
		}
	}
	stop()
	x.finish()
}

//go:build kafka

package faulttest

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/pipeline"
)

// Three services; in rotation one is killed with -9 while its transaction is
// open, and replaced by one with its state folder.
func TestServicesKilled(t *testing.T) {
	brokers := kafkatest.Addresses(t)
	for _, tt := range []struct {
		kind string
		g    pipeline.Guarantee
	}{{"eos", pipeline.ExactlyOnce}, {"eos-hop", pipeline.ExactlyOnce}, {"eos-hop", pipeline.AtLeastOnce}, {"eos", pipeline.AtLeastOnce}} {
		t.Run(tt.kind+" "+string(tt.g), func(t *testing.T) {
			t.Parallel()
			x := newRun(t, brokers, tt.g, tt.kind, 3)
			x.patience(either(3*patient, patient))
			x.startAll()
			stop := x.load(either(4_000, 500))
			for i := range either(20, 3) {
				x.pass(time.Second) // under way
				x.kill9(i % 3)
				x.start(i % 3)
				// Every other one is killed before the group has given its
				// partitions to anybody.
				if i%2 == 0 {
					x.ready(i % 3)
				}
			}
			stop()
			x.finish()
		})
	}
}

// A service sleeps for longer than its session: it wakes in the middle of a
// transaction, as a member that the group has thrown out, and nothing that it
// did and does may count.
func TestServicesPaused(t *testing.T) {
	x := newRun(t, kafkatest.Addresses(t), pipeline.ExactlyOnce, "eos-hop", 2)
	x.patience(either(2*patient, patient))
	x.startAll()
	stop := x.load(either(2_000, 500))
	for i := range either(4, 1) {
		x.pass(time.Second)
		s := x.services[i%2]
		s.pause()
		x.fault("service paused")
		x.pass(sessionTimeout + 5*time.Second) // and than the transaction's 10 s
		s.resume()
		x.pass(time.Second)
	}
	stop()
	x.finish()
}

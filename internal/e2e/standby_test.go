package e2e

import (
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/pipeline"
)

// standbys returns how many standbys a service keeps, if it has opened all of
// them.
func (s *service) standbys() (n int) {
	for _, t := range s.Status().Tables {
		if t.Role == "standby" {
			n++
		}
	}
	return n
}

// Of two services with a standby each of the other's partitions one leaves: the
// other goes on with what it has, and reads nothing of the changelogs again.
func TestStandbyTakesOver(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		a, ks := app(w.app), keys(2000)
		var restored, promoted atomic.Int64
		start := func(machine string) *service {
			return w.start(machine, a.deduped(), guarantee, func(c *pipeline.Config) {
				c.StandbyReplicas = 1
				c.Metrics.Promoted = func(string, string, int) { promoted.Add(1) }
				c.Metrics.Restoring = func(r pipeline.RestoreStats) {
					if r.Done {
						restored.Add(r.Records)
					}
				}
			})
		}
		one := w.ready(start("one"))
		w.sendKeys(a.topic("in"), ks[:1000]...)
		two := start("two")
		w.until("two partitions and two standbys each", func() bool {
			return len(one.partitions()) == 2 && len(two.partitions()) == 2 && one.standbys() == 2 && two.standbys() == 2
		})
		w.sendKeys(a.topic("in"), ks...)
		w.settled(a.group("dedupe"), a.topic("in"))
		if err := two.SyncTables(w.ctx); err != nil {
			t.Fatal(err)
		}
		restored.Store(0)
		promoted.Store(0)
		if err := one.stop(); err != nil {
			t.Fatal(err)
		}
		w.until("all partitions at the other", func() bool { return len(two.partitions()) == 4 })
		w.sendKeys(a.topic("in"), ks...)
		w.settled(a.group("dedupe"), a.topic("in"))
		if !w.all(a.topic("unique"), ks, 1) {
			t.Errorf("%d records are unique, want each of %d keys once", len(w.read(a.topic("unique"))), len(ks))
		}
		if r, p := restored.Load(), promoted.Load(); r != 0 || p != 2 {
			t.Errorf("%d records were restored and %d standbys promoted, want none and two", r, p)
		}
		if n := two.standbys(); n != 0 {
			t.Errorf("the last service keeps %d standbys", n)
		}
	})
}

//go:build kafka

package e2e

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
)

func static(id string) func(*pipeline.Config) {
	return func(c *pipeline.Config) { c.InstanceID, c.SessionTimeout = id, time.Minute }
}

// A static member that is stopped and started within the session timeout has
// its partitions again, and nobody else's move.
func TestStaticMembership(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		a, ks := app(w.app), keys(200)
		var rebalances atomic.Int32 // of the member that stays
		count := func(c *pipeline.Config) { c.Metrics.Rebalanced = func(string, string) { rebalances.Add(1) } }
		one := w.ready(w.start("one", a.deduped(), guarantee, static("one")))
		two := w.start("two", a.deduped(), guarantee, static("two"), count)
		w.until("two partitions each", func() bool { return len(one.partitions()) == 2 && len(two.partitions()) == 2 })
		w.sendKeys(a.topic("in"), ks...)
		w.settled(a.group("dedupe"), a.topic("in"))
		before, had, others := rebalances.Load(), fmt.Sprint(one.partitions()), fmt.Sprint(two.partitions())

		if err := one.stop(); err != nil {
			t.Fatal(err)
		}
		w.sendKeys(a.topic("in"), ks...)
		stopped := time.Now()
		one = w.start("one", a.deduped(), guarantee, static("one"))
		w.until("the partitions again", func() bool { return fmt.Sprint(one.partitions()) == had })
		t.Logf("it had its partitions again after %v", time.Since(stopped).Round(time.Millisecond))
		w.settled(a.group("dedupe"), a.topic("in"))
		if got := fmt.Sprint(two.partitions()); rebalances.Load() != before || got != others {
			t.Errorf("the other member went through %d rebalances and has partitions %s, want none and %s", rebalances.Load()-before, got, others)
		}
		if !w.all(a.topic("unique"), ks, 1) {
			t.Errorf("outputs %v, want each key once", w.count(a.topic("unique")))
		}
	})
}

// Of two processes with one instance id, the older one ends.
func TestStaticMemberIsReplaced(t *testing.T) {
	each(t, func(w *world, guarantee func(*pipeline.Config)) {
		one := w.ready(w.start("one", app(w.app).deduped(), guarantee, static("id")))
		w.services = nil // one of them is to end
		w.ready(w.start("two", app(w.app).deduped(), guarantee, static("id")))
		select {
		case <-one.ended:
		case <-w.ctx.Done():
			t.Fatal("two processes have one instance id")
		}
		if !errors.Is(one.err, pipeline.ErrInstanceIDTaken) {
			t.Errorf("the older of the two ended with %v", one.err)
		}
	})
}

//go:build kafka && unix

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// A service is killed with -9 while calls are under way, several times, and
// another has its partitions.
func TestKillEnrich(t *testing.T) {
	for _, g := range []pipeline.Guarantee{pipeline.AtLeastOnce, pipeline.ExactlyOnce} {
		t.Run(string(g), func(t *testing.T) {
			const n, kills = 12_000, 3
			middle := 0 // kills with calls to be made
			w := newWorld(t, kafkatest.Addresses(t))
			w.child = "enriched"
			a := app(w.app)
			p := w.spawn("one", g)
			w.until("the service to have all", func() bool { return fmt.Sprint(p.ready()) == "[4 4 4]" })
			committed := func(name string) (all int64) {
				offsets, err := w.cluster.GroupOffsets(w.ctx, a.group(name))
				if err != nil {
					return 0
				}
				for _, o := range offsets[a.topic("in")] {
					all += o
				}
				return all
			}
			for round := range kills {
				var rs []*transport.Record
				for i := round * n / kills; i < (round+1)*n/kills; i++ {
					rs = append(rs, record(a.topic("in"), fmt.Sprint("key-", i%100), fmt.Sprint(i)))
				}
				w.send(rs...)
				w.until("the middle", func() bool { return committed("unordered") > int64(round*n/kills+n/kills/4) })
				if err := p.kill(); err != nil {
					w.Fatal(err)
				}
				var at []int64
				for name := range orders {
					at = append(at, committed(name))
				}
				if w.Logf("killed with %v of %d committed", at, (round+1)*n/kills); slices.Min(at) < int64((round+1)*n/kills) {
					middle++
				}
				p = w.spawn(fmt.Sprint("after ", round), g)
			}
			for name := range orders {
				w.settled(a.group(name), a.topic("in"))
				w.results(a.topic(name), orders[name], n, g == pipeline.ExactlyOnce)
			}
			if middle == 0 {
				w.Error("all was committed at each kill")
			}
			if err := p.drain(); err != nil {
				w.Error(err)
			}
		})
	}
}

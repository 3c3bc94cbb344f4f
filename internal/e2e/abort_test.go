//go:build kafka

package e2e

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// A broker refuses an output in the middle of a transaction. It is aborted in
// place: the processor does not start again, its group does not rebalance, and
// each record has its effects once.
func TestAbortInPlace(t *testing.T) {
	w := newWorld(t, brokers(t))
	a, ks := app(w.app), keys(500)
	if err := w.cluster.Create(w.ctx, transport.TopicSpec{Name: a.topic("out"), Partitions: 4,
		Config: map[string]string{"max.message.bytes": "100000"}}); err != nil {
		t.Fatal(err)
	}
	var restarts, rebalances, large atomic.Int32
	p := pipeline.Process("count")
	counts := pipeline.State(p, a.table("counts"))
	out := pipeline.Output(p, a.str("out"))
	pipeline.Input(p, a.str("in"), func(ctx *pipeline.Context, v string) error {
		n, _ := counts.Get(ctx)
		counts.Set(ctx, n+1)
		if v == "key-250" && large.Add(1) == 1 {
			out.Emit(ctx, ctx.Key(), strings.Repeat("x", 200_000))
			return nil
		}
		out.Emit(ctx, ctx.Key(), v)
		return nil
	})
	s := w.ready(w.start("m", pipeline.New(w.app).From(a.str("in")).Add(p).To(a.str("out")), func(c *pipeline.Config) {
		c.Metrics.Restarted = func(string, string, error) { restarts.Add(1) }
		c.Metrics.Rebalanced = func(string, string) { rebalances.Add(1) }
	}))
	before := rebalances.Load()
	for range 3 {
		w.sendKeys(a.topic("in"), ks...)
		w.settled(a.group("count"), a.topic("in"))
	}
	if n := large.Load(); n < 2 {
		t.Errorf("the record that was refused was handled %d times, want more than once", n)
	}
	if restarts.Load() != 0 || rebalances.Load() != before {
		t.Errorf("%d restarts, %d rebalances, want none", restarts.Load(), rebalances.Load()-before)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if !w.all(a.topic("out"), ks, 3) {
		t.Errorf("outputs %v, want each key three times", w.count(a.topic("out")))
	}
	for k, v := range w.rows(a.topic("counts")) {
		if n := w.number(v); n != 3 {
			t.Errorf("%s was counted %s times", k, fmt.Sprint(n))
		}
	}
}

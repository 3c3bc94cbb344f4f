package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// pauses notes how long a service did nothing: each of its partitions, its
// commits, and its sessions between two leases.
type pauses struct {
	mu      sync.Mutex
	last    map[int]time.Time
	handled map[int]time.Duration // by partition: the longest time without a record
	commit  time.Time
	commits time.Duration   // the longest time without a commit
	leases  []time.Duration // how long each new lease took
	stops   []time.Duration // and how long the partitions stood still for it, with the commit of those that went
}

func (p *pauses) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.handled, p.commit, p.commits, p.leases, p.stops = map[int]time.Time{}, map[int]time.Duration{}, time.Time{}, 0, nil, nil
}

func (p *pauses) handle(partition int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if last, ok := p.last[partition]; ok {
		p.handled[partition] = max(p.handled[partition], now.Sub(last))
	}
	p.last[partition] = now
}

func (p *pauses) committed(pipeline.CommitStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.commit.IsZero() {
		p.commits = max(p.commits, now.Sub(p.commit))
	}
	p.commit = now
}

// longest returns the longest pause of the partitions that a service has now.
func (p *pauses) longest(partitions []int) (d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range partitions {
		d = max(d, p.handled[id])
	}
	return d
}

// Enabled, Handle, WithAttrs and WithGroup make it a slog.Handler that reads
// what the engine says of leases.
func (p *pauses) Enabled(context.Context, slog.Level) bool { return true }
func (p *pauses) WithAttrs([]slog.Attr) slog.Handler       { return p }
func (p *pauses) WithGroup(string) slog.Handler            { return p }
func (p *pauses) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "partitions leased again" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "took":
			p.leases = append(p.leases, a.Value.Duration())
		case "stoppedFor":
			p.stops = append(p.stops, a.Value.Duration())
		}
		return true
	})
	return nil
}

// A member joins and leaves while records come all the time. The partitions that
// stay with the other go on; how long they stand still is logged, and depends on
// the machine. Every record has its effect once.
func TestPartitionsThatStay(t *testing.T) {
	w := newWorld(t, brokers(t))
	a, p := app(w.app), &pauses{}
	p.reset()
	topology := func(note func(int)) *pipeline.Topology {
		proc := pipeline.Process("dedupe")
		counts := pipeline.State(proc, a.table("counts"))
		out := pipeline.Output(proc, a.str("unique"))
		pipeline.Input(proc, a.str("in"), func(ctx *pipeline.Context, v string) error {
			note(ctx.Partition())
			n, _ := counts.Get(ctx)
			counts.Set(ctx, n+1)
			out.Emit(ctx, ctx.Key(), v)
			return nil
		})
		return pipeline.New(w.app).From(a.str("in")).Add(proc).To(a.str("unique"))
	}
	one := w.ready(w.start("one", topology(p.handle), func(c *pipeline.Config) {
		c.Logger, c.Metrics.Committed = slog.New(p), p.committed
	}))
	ctx, stop := context.WithCancel(w.ctx)
	var feeding sync.WaitGroup
	sent := 0
	feeding.Go(func() {
		producer, err := w.cluster.NewProducer(w.ctx, transport.ProducerConfig{})
		if err != nil {
			t.Error(err)
			return
		}
		defer producer.Close()
		var acks sync.WaitGroup
		defer acks.Wait()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ; ; sent++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			acks.Add(1)
			producer.Produce(w.ctx, record(a.topic("in"), fmt.Sprint("key-", sent)), func(_ *transport.Record, err error) {
				if err != nil {
					t.Error(err)
				}
				acks.Done()
			})
		}
	})
	defer feeding.Wait()
	defer stop()
	committed := func(n int64) {
		w.until("commits of what came meanwhile", func() bool {
			offsets, err := w.cluster.GroupOffsets(w.ctx, a.group("dedupe"))
			sum := int64(0)
			for _, o := range offsets[a.topic("in")] {
				sum += o
			}
			return err == nil && sum >= n
		})
	}
	tell := func(what string) {
		stayed := one.partitions()
		d := p.longest(stayed)
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Logf("%s: partitions %v stood still for %v at most, no commit for %v; leases took %v, with stops of %v",
			what, stayed, d.Round(time.Millisecond), p.commits.Round(time.Millisecond), p.leases, p.stops)
	}
	committed(200)
	p.reset()
	committed(700)
	tell("no rebalance")

	p.reset()
	two := w.start("two", topology(func(int) {}))
	w.until("two partitions each", func() bool { return len(one.partitions()) == 2 && len(two.partitions()) == 2 })
	committed(1500)
	tell("a member joined")
	stayed := one.partitions()

	p.reset()
	if err := two.stop(); err != nil {
		t.Fatal(err)
	}
	w.until("all with one", func() bool { return len(one.partitions()) == 4 })
	committed(2500)
	t.Logf("a member left: the others stood still for %v at most", p.longest(stayed).Round(time.Millisecond))
	tell("a member left, with the partitions that came")
	stop()
	feeding.Wait()
	w.settled(a.group("dedupe"), a.topic("in"))
	if !w.all(a.topic("unique"), keys(sent), 1) {
		t.Errorf("%d records came out, of %d", len(w.read(a.topic("unique"))), sent)
	}
}

//go:build kafka

package tool_test

import (
	"os"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// Kafka itself compacts the changelog: old values and then tombstones go, and
// leave gaps. A lost store is restored from what is left.
func TestRestoreAfterCompaction(t *testing.T) {
	cfg, n := config(t), newNames(t)
	cfg.Partitions = 1
	in, out := pipeline.NewTopic(n.in, codec.String()), pipeline.NewTopic(n.out, codec.Int64(), pipeline.Partitions(2))
	topology := func() *pipeline.Topology {
		p := pipeline.Process("count")
		seen := pipeline.State(p, pipeline.NewTable(n.seen, codec.Int64(),
			pipeline.TopicConfig("segment.ms", "200"), pipeline.TopicConfig("min.cleanable.dirty.ratio", "0.001"),
			pipeline.TopicConfig("max.compaction.lag.ms", "200"), pipeline.TopicConfig("delete.retention.ms", "0")))
		o := pipeline.Output(p, out)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
			if ctx.Key() == "k-gone" {
				if _, ok := seen.Get(ctx); ok {
					seen.Delete(ctx)
					return nil
				}
			}
			c, _ := seen.Get(ctx)
			seen.Set(ctx, c+1)
			o.Emit(ctx, ctx.Key(), c+1)
			return nil
		})
		return pipeline.New(n.app).From(in).Add(p).To(out)
	}
	r := startTopology(t, n, cfg, topology())
	r.send("gone", "a", "b")
	r.send("gone", "a") // deletes it

	c, err := kafka.New(t.Context(), kafka.Config{Brokers: cfg.Brokers, Logger: cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	tp := transport.TopicPartition{Topic: n.seen}
	ticks := 0
	look := func() (end int64, keys map[string]int, tombstones int) {
		keys = map[string]int{}
		first, end, err := c.Bounds(t.Context(), tp)
		if err == nil {
			err = c.ReadTable(t.Context(), tp, first, end, func(b transport.TableBatch) error {
				for _, rec := range b.Records {
					keys[string(rec.Key)]++
					if rec.Value == nil {
						tombstones++
					}
				}
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		return end, keys, tombstones
	}
	// A segment is compacted once a younger one was begun, so that records have
	// to come until it is done.
	deadline := time.NewTimer(3 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		end, keys, tombstones := look()
		if keys["k-a"] == 1 && keys["k-gone"] == 0 && tombstones == 0 && keys["k-b"] == 1 {
			t.Logf("compacted: %v records of %d offsets", keys, end)
			break
		}
		select {
		case <-tick.C:
			r.send("tick")
			ticks++
		case <-deadline.C:
			t.Fatalf("Kafka did not compact: %v, %d tombstones, end %d", keys, tombstones, end)
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(cfg.StateDir); err != nil {
		t.Fatal(err)
	}
	before := len(outputs(t, cfg, n))
	r = startTopology(t, n, cfg, topology())
	r.send("a", "b", "gone")
	await(t, "the counts after the restore", func() bool { return len(outputs(t, cfg, n)) == before+3 })
	if got := counted(t, cfg, n); got["k-a"] != 3 || got["k-b"] != 2 || got["k-gone"] != 1 {
		t.Errorf("after %d ticks the counts are %v, want a 3, b 2, gone 1", ticks, got)
	}
}

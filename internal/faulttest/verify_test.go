//go:build kafka

package faulttest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// row is a record with its decoded value.
type row struct {
	key string
	n   int64
}

func connect(t *testing.T, brokers []string) *kafka.Cluster {
	t.Helper()
	c, err := kafka.New(t.Context(), kafka.Config{Brokers: brokers, ClientID: "faulttest", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// read returns the committed records of a topic, by partition. It waits for
// transactions that are open: none must be for ever.
func read(t *testing.T, ctx context.Context, c *kafka.Cluster, topic string) [partitions][]row {
	t.Helper()
	var rows [partitions][]row
	for p := range int32(partitions) {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := c.Bounds(ctx, tp)
		if err != nil {
			t.Fatal(err)
		}
		err = c.ReadTable(ctx, tp, first, end, func(b transport.TableBatch) error {
			for _, r := range b.Records {
				n, err := codec.Int64().Decode(r.Value)
				if err != nil {
					return err
				}
				rows[p] = append(rows[p], row{string(r.Key), n})
			}
			return nil
		})
		if err != nil {
			t.Fatalf("read %s, partition %d: %v", topic, p, err)
		}
	}
	return rows
}

// newest is a table of what was read of its changelog.
func newest(rows [partitions][]row) map[string]int64 {
	table := map[string]int64{}
	for _, rs := range rows {
		for _, r := range rs {
			table[r.key] = r.n
		}
	}
	return table
}

// figures are what a verification counted.
type figures struct {
	records, lost, duplicates int
}

// verify compares what came out with what went in.
func verify(t *testing.T, ctx context.Context, c *kafka.Cluster, w workload, g pipeline.Guarantee) figures {
	t.Helper()
	in, echo, counted := read(t, ctx, c, w.in.Name()), read(t, ctx, c, w.echo.Name()), read(t, ctx, c, w.counted.Name())
	counts, sums := newest(read(t, ctx, c, w.counts.Name())), newest(read(t, ctx, c, w.sums.Name()))
	var f figures
	sent := map[string]int64{}
	for p := range in {
		f.records += len(in[p])
		seen := map[row]int{}
		for _, r := range echo[p] {
			seen[r]++
		}
		for i, r := range in[p] {
			sent[r.key]++
			switch n := seen[r]; {
			case n == 0:
				f.lost++
			case n > 1:
				f.duplicates += n - 1
			}
			if g == pipeline.ExactlyOnce && (i >= len(echo[p]) || echo[p][i] != r) {
				t.Fatalf("partition %d: record %d is %v, and its echo is another", p, i, r)
			}
		}
		if g == pipeline.ExactlyOnce && len(echo[p]) != len(in[p]) {
			t.Errorf("partition %d: %d echoes of %d records", p, len(echo[p]), len(in[p]))
		}
		last := map[string]int64{}
		for _, r := range counted[p] {
			if g == pipeline.ExactlyOnce && r.n != last[r.key]+1 {
				t.Fatalf("key %s: count %d follows %d", r.key, r.n, last[r.key])
			}
			if r.n > last[r.key]+1 {
				t.Errorf("key %s: count %d follows %d: one is lost", r.key, r.n, last[r.key])
			}
			last[r.key] = max(last[r.key], r.n)
		}
	}
	for k, n := range sent {
		exact := counts[k] == n && sums[k] == n*(n+1)/2
		least := counts[k] >= n && sums[k] >= n*(n+1)/2
		if g == pipeline.ExactlyOnce && !exact || !least {
			t.Errorf("key %s was sent %d times: count %d, sum of counts %d, want %d", k, n, counts[k], sums[k], n*(n+1)/2)
		}
	}
	if f.lost > 0 || g == pipeline.ExactlyOnce && f.duplicates > 0 {
		t.Errorf("%s: of %d records %d were lost and %d doubled", g, f.records, f.lost, f.duplicates)
	}
	return f
}

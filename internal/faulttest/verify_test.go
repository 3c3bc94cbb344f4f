//go:build kafka

package faulttest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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

// rows are the records of each partition of a topic, in their order.
type rows [partitions][]row

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

func connectAdmin(t *testing.T, brokers []string) *kadm.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("faulttest"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return kadm.NewClient(c)
}

// each calls a function for the committed records of a topic's partitions. It
// waits for transactions that are open: none must be for ever.
func (x *run) each(ctx context.Context, topic string, f func(p int32, r *transport.Record) error) {
	x.Helper()
	for p := range int32(partitions) {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := x.c.Bounds(ctx, tp)
		if err == nil {
			err = x.c.ReadTable(ctx, tp, first, end, func(b transport.TableBatch) error {
				for _, r := range b.Records {
					if err := f(p, r); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			x.Fatalf("read %s, partition %d: %v", topic, p, err)
		}
	}
}

// read returns the committed records of a topic.
func (x *run) read(ctx context.Context, topic string) rows {
	x.Helper()
	var all rows
	x.each(ctx, topic, func(p int32, r *transport.Record) error {
		n, err := codec.Int64().Decode(r.Value)
		all[p] = append(all[p], row{x.intern(r.Key), n})
		return err
	})
	return all
}

// newest is a table, read from its changelog.
func (x *run) newest(ctx context.Context, topic string) map[string]int64 {
	x.Helper()
	table := map[string]int64{}
	for _, rs := range x.read(ctx, topic) {
		for _, r := range rs {
			table[r.key] = r.n
		}
	}
	return table
}

// intern keeps one copy of each key.
func (x *run) intern(key []byte) string {
	if s, ok := x.keys[string(key)]; ok {
		return s
	}
	s := string(key)
	x.keys[s] = s
	return s
}

// compare counts what of a topic is missing and what is there too often. Exactly
// once, each partition must have what is wanted in its order, and nothing else.
func (x *run) compare(topic string, want, got rows) (f figures) {
	x.Helper()
	for p := range want {
		f.compared += len(got[p])
		times := map[row]int{}
		for _, r := range want[p] {
			times[r]++
		}
		for _, r := range got[p] {
			times[r]--
		}
		for _, n := range times {
			if n > 0 {
				f.lost += n
			} else {
				f.duplicates -= n
			}
		}
		if x.g != pipeline.ExactlyOnce {
			continue
		}
		for i, r := range want[p] {
			if i >= len(got[p]) || got[p][i] != r {
				at := "the end"
				if i < len(got[p]) {
					at = fmt.Sprint(got[p][i])
				}
				x.Errorf("topic %s, partition %d: record %d is %s, want %v", topic, p, i, at, r)
				break
			}
		}
		if len(got[p]) > len(want[p]) {
			x.Errorf("topic %s, partition %d: %d records, want %d", topic, p, len(got[p]), len(want[p]))
		}
	}
	if f.lost > 0 || x.g == pipeline.ExactlyOnce && f.duplicates > 0 {
		x.Errorf("topic %s: %d records lost, %d doubled", topic, f.lost, f.duplicates)
	}
	return f
}

func (x *run) compareTables(topic string, want, got map[string]int64) {
	x.Helper()
	bad := 0
	for k, n := range want {
		if g, ok := got[k]; !ok || g != n {
			if bad++; bad == 1 {
				x.Errorf("table %s, key %s: %d (found: %t), want %d", topic, k, g, ok, n)
			}
		}
	}
	if bad > 0 || len(got) != len(want) {
		x.Errorf("table %s: %d of %d keys are wrong, %d are there", topic, bad, len(want), len(got))
	}
}

// ongoing returns the transactional ids of the run that have a transaction in
// one of the states, or in any but those of its end.
func (x *run) ongoing(ctx context.Context) ([]string, error) {
	listed, err := x.admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
	var ids []string
	for id := range listed {
		if strings.HasPrefix(id, x.w.name()+"-") {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// settled checks that no transaction is left open: none is known to the
// coordinators, and the last stable offset of each partition is its end.
func (x *run) settled(ctx context.Context) {
	x.Helper()
	var open []string
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second) // of those that are killed last, after their timeout
	for {
		var err error
		if open, err = x.ongoing(ctx); err == nil && len(open) == 0 {
			break
		}
		select {
		case <-tick.C:
			continue
		case <-deadline:
		}
		x.Errorf("transactions are left open: %q, %v", open, err)
		break
	}
	topics, err := x.admin.ListTopics(ctx)
	if err != nil {
		x.Fatal(err)
	}
	var names []string
	for name := range topics {
		if strings.HasPrefix(name, x.w.name()+".") || strings.HasPrefix(name, x.w.name()+"-") {
			names = append(names, name)
		}
	}
	ends, err := x.admin.ListEndOffsets(ctx, names...)
	if err != nil {
		x.Fatal(err)
	}
	stable, err := x.admin.ListCommittedOffsets(ctx, names...)
	if err != nil {
		x.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if s, ok := stable.Lookup(o.Topic, o.Partition); !ok || s.Offset != o.Offset {
			x.Errorf("topic %s, partition %d: last stable offset %d, end %d", o.Topic, o.Partition, s.Offset, o.Offset)
		}
	})
}

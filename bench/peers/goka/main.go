// Command goka is the workloads on stock goka: its own consumer, producer and
// LevelDB storage, as its documentation has them. Changed from the defaults
// are what all contenders have in common (acknowledgement by all replicas, no
// compression, the commit interval, replication) and the partitioner: Java's,
// by which the input is written.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"

	"github.com/millrace/millrace/bench/internal/peer"
	"github.com/millrace/millrace/bench/internal/workload"
	"github.com/millrace/millrace/internal/murmur2"
)

func main() { peer.Run(run) }

func run(ctx context.Context, a peer.Args) error {
	if a.ExactlyOnce {
		return fmt.Errorf("goka has no exactly-once processing")
	}
	log.SetOutput(io.Discard)
	c := goka.DefaultConfig()
	c.Version = sarama.V2_8_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Compression = sarama.CompressionNone
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = a.Commit
	goka.ReplaceGlobalConfig(c)

	graphs, err := graphs(a)
	if err != nil {
		return err
	}
	tmc := goka.NewTopicManagerConfig()
	tmc.Table.Replication, tmc.Stream.Replication = 3, 3
	if a.Workload.Kind == workload.Shuffle {
		if err := ensure(ctx, a.Brokers, string(matched(a)), a.Partitions, tmc); err != nil {
			return err
		}
	}
	done := make(chan error, len(graphs))
	for _, g := range graphs {
		p, err := goka.NewProcessor(a.Brokers, g,
			goka.WithHasher(murmur2.New),
			goka.WithStorageBuilder(storage.DefaultBuilder(a.State)),
			goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithTopicManagerConfig(tmc)))
		if err != nil {
			return err
		}
		go func() { done <- p.Run(ctx) }()
	}
	for range graphs {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// matched is the topic between the two steps of the shuffle.
func matched(a peer.Args) goka.Stream { return goka.Stream(a.App + "-matched") }

// ensure makes a topic before a processor asks for it, and waits until all brokers
// know it: goka gives up at once if one does not.
func ensure(ctx context.Context, brokers []string, topic string, partitions int, cfg *goka.TopicManagerConfig) error {
	for _, b := range brokers { // any of them may be asked first
		tm, err := goka.NewTopicManager([]string{b}, goka.DefaultConfig(), cfg)
		if err != nil {
			return err
		}
		defer tm.Close()
		if err := tm.EnsureStreamExists(topic, partitions); err != nil {
			return err
		}
		for {
			if ps, err := tm.Partitions(topic); err == nil && len(ps) == partitions {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func graphs(a peer.Args) ([]*goka.GroupGraph, error) {
	in, out := goka.Stream(a.Input), goka.Stream(a.Output)
	bytes, number := new(codec.Bytes), new(codec.Int64)
	var edges []goka.Edge
	switch a.Workload.Kind {
	case workload.Copy:
		edges = []goka.Edge{goka.Output(out, bytes), goka.Input(in, bytes, func(ctx goka.Context, m any) {
			ctx.Emit(out, ctx.Key(), m)
		})}
	case workload.Count, workload.CountLast:
		every := a.Workload.Kind == workload.Count
		edges = []goka.Edge{goka.Persist(number), goka.Input(in, bytes, func(ctx goka.Context, _ any) {
			n, _ := ctx.Value().(int64)
			ctx.SetValue(n + 1)
			if every {
				ctx.Emit(out, ctx.Key(), n+1)
			}
		})}
		if every {
			edges = append(edges, goka.Output(out, number))
		}
	case workload.Dedupe:
		edges = []goka.Edge{goka.Persist(number), goka.Output(out, bytes), goka.Input(in, bytes, func(ctx goka.Context, m any) {
			if ctx.Value() == nil {
				ctx.SetValue(ctx.Timestamp().UnixMilli())
				ctx.Emit(out, ctx.Key(), m)
			}
		})}
	case workload.Join:
		table := goka.Table(a.Table)
		edges = []goka.Edge{goka.Join(table, bytes), goka.Output(out, bytes), goka.Input(in, bytes, func(ctx goka.Context, m any) {
			if row, ok := ctx.Join(table).([]byte); ok {
				v := m.([]byte)
				ctx.Emit(out, ctx.Key(), append(append(make([]byte, 0, len(v)+len(row)), v...), row...))
			}
		})}
	case workload.Shuffle:
		matched := matched(a)
		return []*goka.GroupGraph{
			goka.DefineGroup(goka.Group(a.App), goka.Output(matched, bytes), goka.Input(in, bytes, func(ctx goka.Context, m any) {
				var room [4]int
				for _, rule := range workload.Match(room[:0], m.([]byte)) {
					ctx.Emit(matched, strconv.Itoa(rule), m)
				}
			})),
			goka.DefineGroup(goka.Group(a.App+"-consume"), goka.Persist(bytes), goka.Output(out, bytes),
				goka.Input(matched, bytes, func(ctx goka.Context, m any) {
					state, _ := ctx.Value().([]byte)
					state, emit := workload.Fold(state, m.([]byte))
					ctx.SetValue(state)
					if emit {
						ctx.Emit(out, ctx.Key(), state)
					}
				})),
		}, nil
	default:
		return nil, fmt.Errorf("no workload of the kind %q here", a.Workload.Kind)
	}
	return []*goka.GroupGraph{goka.DefineGroup(goka.Group(a.App), edges...)}, nil
}

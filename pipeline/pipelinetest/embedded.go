package pipelinetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/embedded"
)

// Embedded starts a topology on an embedded broker with LevelDB, in folders
// that the test removes.
func Embedded(t testing.TB, topology *pipeline.Topology, opts ...Option) *Driver {
	t.Helper()
	d := newDriver(t, topology, opts)
	broker, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Logger: d.cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := kafka.New(t.Context(), kafka.Config{Brokers: broker.Addresses(), Logger: d.cfg.Logger})
	if err != nil {
		t.Fatal(errors.Join(err, broker.Close()))
	}
	producer, err := cluster.NewProducer(t.Context(), transport.ProducerConfig{})
	if err != nil {
		t.Fatal(errors.Join(err, cluster.Close(), broker.Close()))
	}
	t.Cleanup(func() {
		_ = d.stop()
		producer.Close()
		if err := errors.Join(cluster.Close(), broker.Close()); err != nil {
			t.Error(err)
		}
	})
	d.cfg.Brokers, d.cfg.StateDir = broker.Addresses(), t.TempDir()
	d.b = &embeddedBackend{cluster: cluster, producer: producer, counts: map[string]int32{}}
	d.start()
	return d
}

// embeddedBackend looks at a cluster from outside.
type embeddedBackend struct {
	cluster  *kafka.Cluster
	producer transport.Producer
	counts   map[string]int32 // of the topics' partitions
}

func (b *embeddedBackend) config(c pipeline.Config) pipeline.Config {
	return c.WithEngine(func(e *engine.Config) { e.Check = true })
}

func (b *embeddedBackend) append(ctx context.Context, r *transport.Record) error {
	result := make(chan error, 1)
	b.producer.Produce(ctx, r, func(_ *transport.Record, err error) { result <- err })
	return <-result
}

func (b *embeddedBackend) partitions(ctx context.Context, topic string) (int32, error) {
	if n := b.counts[topic]; n > 0 {
		return n, nil
	}
	infos, err := b.cluster.Describe(ctx, topic)
	b.counts[topic] = infos[topic].Partitions
	return infos[topic].Partitions, err
}

func (b *embeddedBackend) records(ctx context.Context, topic string) (all []*transport.Record, err error) {
	infos, err := b.cluster.Describe(ctx, topic)
	if err != nil {
		return nil, err
	}
	for p := range infos[topic].Partitions {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := b.cluster.Bounds(ctx, tp)
		if err != nil {
			return nil, err
		}
		err = b.cluster.ReadTable(ctx, tp, first, end, func(tb transport.TableBatch) error {
			all = append(all, tb.Records...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// settle looks at the group's offsets until they are at the ends of the logs,
// of all groups in one look. The broker tells nobody when that is, so it is
// asked again and again.
func (b *embeddedBackend) settle(ctx context.Context, groups map[string][]string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		behind, err := b.behind(ctx, groups)
		if err != nil {
			return err
		}
		if behind == "" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", behind, context.Cause(ctx))
		}
	}
}

// behind names a group that has not committed all. The ends are read first and
// the offsets after them: what a group commits meanwhile shows in both or in a
// later look.
func (b *embeddedBackend) behind(ctx context.Context, groups map[string][]string) (string, error) {
	for range 2 { // twice the same: nothing was on its way between two groups
		for group, topics := range groups {
			behind, err := b.groupBehind(ctx, group, topics)
			if err != nil || behind != "" {
				return behind, err
			}
		}
	}
	return "", nil
}

// groupBehind names a partition of which a group has not committed all.
func (b *embeddedBackend) groupBehind(ctx context.Context, group string, topics []string) (string, error) {
	committed, err := b.cluster.GroupOffsets(ctx, group)
	if err != nil {
		return "", err
	}
	infos, err := b.cluster.Describe(ctx, topics...)
	if err != nil {
		return "", err
	}
	for _, topic := range topics {
		for p := range infos[topic].Partitions {
			_, end, err := b.cluster.Bounds(ctx, transport.TopicPartition{Topic: topic, Partition: p})
			if err != nil {
				return "", err
			}
			if at := committed[topic][p]; end > 0 && at < end {
				return fmt.Sprintf("group %s is at offset %d of %d in topic %s, partition %d", group, at, end, topic, p), nil
			}
		}
	}
	return "", nil
}

// crash is not what a broker can do to its clients: the service is drained.
func (b *embeddedBackend) crash() {}

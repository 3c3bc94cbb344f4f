package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/testbroker"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/embedded"
)

// lab is a cluster to emit to and to read from.
type lab struct {
	testing.TB
	cfg     pipeline.Config
	cluster transport.Cluster // a look from outside
	memory  *memory.Cluster   // nil if it is another
	broker  *embedded.Broker  // likewise
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// eachLab runs a body on each kind of cluster. With build tag kafka, that is
// real brokers only: the others have been there without it.
func eachLab(t *testing.T, body func(t *testing.T, l *lab)) {
	t.Helper()
	if addresses := kafkaAddresses(t); addresses != nil {
		t.Run("kafka", func(t *testing.T) { body(t, brokerLab(t, addresses)) })
		return
	}
	t.Run("memory", func(t *testing.T) {
		c := memory.New(memory.Config{})
		body(t, &lab{TB: t, cfg: configOf(c), cluster: c, memory: c})
	})
	t.Run("embedded", func(t *testing.T) { body(t, embeddedLab(t)) })
}

func embeddedLab(t *testing.T) *lab {
	t.Helper()
	b := testbroker.Start(t, embedded.Config{Logger: quiet})
	l := brokerLab(t, b.Addresses())
	l.broker = b
	return l
}

func brokerLab(t *testing.T, addresses []string) *lab {
	t.Helper()
	c, err := kafka.New(t.Context(), kafka.Config{Brokers: addresses, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &lab{TB: t, cfg: pipeline.Config{Brokers: addresses, Logger: quiet, StateDir: t.TempDir(), CommitInterval: 20 * time.Millisecond}, cluster: c}
}

// limit bounds a test's waiting.
func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var names atomic.Int64

// unique makes a name that no other test and no other run uses.
func unique(t testing.TB, name string) string {
	base := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/ ,#+", r) {
			return '-'
		}
		return r
	}, t.Name())
	return fmt.Sprintf("%.150s-%s-%d-%d", base, name, time.Now().UnixNano(), names.Add(1))
}

// topic creates a topic and returns its name.
func (l *lab) topic(partitions int32) string {
	l.Helper()
	name := unique(l, "topic")
	if err := l.cluster.Create(limit(l), transport.TopicSpec{Name: name, Partitions: partitions}); err != nil {
		l.Fatal(err)
	}
	return name
}

// records waits until a topic has n records and returns them by partition.
func (l *lab) records(topic string, n int) map[int32][]*transport.Record {
	l.Helper()
	ctx := limit(l)
	infos, err := l.cluster.Describe(ctx, topic)
	if err != nil {
		l.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		got, all := map[int32][]*transport.Record{}, 0
		for p := range infos[topic].Partitions {
			tp := transport.TopicPartition{Topic: topic, Partition: p}
			first, end, err := l.cluster.Bounds(ctx, tp)
			if err == nil {
				err = l.cluster.ReadTable(ctx, tp, first, end, func(b transport.TableBatch) error {
					got[p] = append(got[p], b.Records...)
					all += len(b.Records)
					return nil
				})
			}
			if err != nil {
				l.Fatal(err)
			}
		}
		if all >= n {
			return got
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.Fatalf("topic %s has %d records, want %d", topic, all, n)
		}
	}
}

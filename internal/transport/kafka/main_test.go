package kafka

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/transport"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// newFake starts three embedded brokers.
func newFake(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	k, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func newTestCluster(t testing.TB, addresses []string, change ...func(*Config)) *Cluster {
	t.Helper()
	var out io.Writer = io.Discard
	if os.Getenv("MILLRACE_TEST_LOG") != "" {
		out = os.Stderr
	}
	cfg := Config{Brokers: addresses, Logger: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(t.Context(), cfg)
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

// unique makes a name that no other test and no other run uses.
func unique(t testing.TB, name string) string {
	return fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), name, time.Now().UnixNano())
}

// limited bounds a test's waiting.
func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newTopic(t testing.TB, c *Cluster, partitions int32, config ...string) string {
	t.Helper()
	spec := transport.TopicSpec{Name: unique(t, "topic"), Partitions: partitions, Config: map[string]string{}}
	for i := 0; i < len(config); i += 2 {
		spec.Config[config[i]] = config[i+1]
	}
	if err := c.Create(limited(t), spec); err != nil {
		t.Fatal(err)
	}
	return spec.Name
}

// send produces values to one partition and waits for the acknowledgements.
func send(t testing.TB, c *Cluster, topic string, partition int32, values ...string) {
	t.Helper()
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{Partitioning: transport.Partitioning{Explicit: []string{topic}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sendWith(t, p, topic, partition, values...)
}

func sendWith(t testing.TB, p transport.Producer, topic string, partition int32, values ...string) {
	t.Helper()
	var acked sync.WaitGroup
	for _, v := range values {
		acked.Add(1)
		p.Produce(limited(t), &transport.Record{Topic: topic, Partition: partition, Value: []byte(v)}, func(_ *transport.Record, err error) {
			if err != nil {
				t.Error(err)
			}
			acked.Done()
		})
	}
	acked.Wait()
}

func numbered(prefix string, n int) (vs []string) {
	for i := range n {
		vs = append(vs, fmt.Sprintf("%s%d", prefix, i))
	}
	return vs
}

// waitFor looks until a condition holds that nothing tells of.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ctx := limited(t)
	for !cond() {
		if !wait(ctx, 5*time.Millisecond) {
			t.Fatalf("never: %s", what)
		}
	}
}

// until waits for something that is asked for again and again.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := limited(t); !ok(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within 40 s: %s", what)
		}
	}
}

//go:build kafka && unix

package kafkacluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startTest starts a cluster for one test; its logs are kept when the test fails.
func startTest(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	c, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.nodes {
				t.Logf("broker %d:\n%s", n.id, n.death(errors.New("test failed")).Log)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func newClient(t *testing.T, c *Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Addresses()...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(ctx context.Context, t *testing.T, client *kgo.Client, topic string) {
	t.Helper()
	res, err := kadm.NewClient(client).CreateTopic(ctx, 3, -1, nil, topic)
	if err != nil {
		t.Fatal(err)
	}
	if res.ReplicationFactor != 3 {
		t.Fatalf("%s has replication %d, want the default 3", topic, res.ReplicationFactor)
	}
}

// TestFaults does to one cluster what it is there for.
func TestFaults(t *testing.T) {
	c := startTest(t, Config{})
	t.Run("kill one broker", func(t *testing.T) { killOneBroker(t, c) })
	t.Run("stop, pause, resume", func(t *testing.T) { stopPauseResume(t, c) })
}

// killOneBroker is what the package is for: acknowledged records survive a broker's death, producing
// goes on without it, and the broker comes back.
func killOneBroker(t *testing.T, c *Cluster) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client := newClient(t, c, kgo.RequiredAcks(kgo.AllISRAcks()))
	createTopic(ctx, t, client, "orders")
	if err := c.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}

	sent := 0
	produce := func(n int) {
		t.Helper()
		for range n {
			r := &kgo.Record{Topic: "orders", Key: []byte(strconv.Itoa(sent)), Value: []byte("v")}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatalf("record %d: %v", sent, err)
			}
			sent++
		}
	}
	produce(50)

	// The one that leads the controllers too, which is the harder case.
	victim, err := c.Controller(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(victim); err != nil {
		t.Fatal(err)
	}
	if st := c.Status()[victim]; st.PID != 0 {
		t.Errorf("broker %d still has process %d", victim, st.PID)
	}
	if err := c.Kill(victim); !errors.Is(err, ErrNotRunning) {
		t.Errorf("killing it twice: %v, want ErrNotRunning", err)
	}
	produce(50)

	shrunk, stop := context.WithTimeout(ctx, time.Second)
	if err := c.AwaitInSync(shrunk); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a broker down all replicas are in sync: %v", err)
	}
	stop()

	if err := c.StartNode(ctx, victim); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}
	produce(50)

	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	if total != int64(sent) {
		t.Errorf("the topic holds %d records, %d were acknowledged", total, sent)
	}
}

// stopPauseResume: a clean stop hands over its partitions; a paused broker drops out and comes back.
func stopPauseResume(t *testing.T, c *Cluster) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client := newClient(t, c, kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProduceRequestTimeout(2*time.Second), kgo.RequestTimeoutOverhead(2*time.Second))
	createTopic(ctx, t, client, "returns")

	if err := c.Stop(2); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "returns", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatalf("after a clean stop: %v", err)
	}
	if err := c.StartNode(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}

	if err := c.Pause(0); err != nil {
		t.Fatal(err)
	}
	if st := c.Status()[0]; !st.Paused || st.PID == 0 {
		t.Errorf("a paused broker's status is %+v", st)
	}
	for p := range 3 {
		r := &kgo.Record{Topic: "returns", Partition: int32(p), Value: []byte("v")}
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatalf("with a broker paused: %v", err)
		}
	}
	if err := c.Resume(0); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestDetached: a detached cluster is found again by its folder, with its processes and without.
func TestDetached(t *testing.T) {
	dir := t.TempDir()
	first := startTest(t, Config{Brokers: 1, Dir: dir, Detached: true})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	second, err := Attach(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(second.Status()), fmt.Sprint(first.Status()); got != want {
		t.Errorf("attached: %s, want %s", got, want)
	}
	if _, err := Start(ctx, Config{Brokers: 1, Dir: dir}); err == nil {
		t.Error("a second cluster was started in the same folder")
	}
	if err := second.Kill(0); err != nil {
		t.Fatal(err)
	}

	third, err := Attach(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if st := third.Status()[0]; st.PID != 0 {
		t.Errorf("a killed broker's status is %+v", st)
	}
	if err := third.StartNode(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(dir, nil); !errors.Is(err, ErrNoCluster) {
		t.Errorf("after Close: %v, want ErrNoCluster", err)
	}
}

// TestBrokerDiesAtStart: the error names the broker and holds the end of its log.
func TestBrokerDiesAtStart(t *testing.T) {
	dir := t.TempDir()
	_, err := Start(t.Context(), Config{Brokers: 1, Dir: dir,
		ExtraProperties: map[string]string{"metric.reporters": "no.such.Reporter"}})
	var died *BrokerError
	if !errors.As(err, &died) || died.Node != 0 || !strings.Contains(died.Log, "no.such.Reporter") {
		t.Errorf("got %v, want a BrokerError of broker 0 that says why", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPortTaken: a broker that cannot listen says which port.
func TestPortTaken(t *testing.T) {
	base, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(base+1)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Start(t.Context(), Config{Brokers: 1, BasePort: base}); !errors.Is(err, ErrPortTaken) {
		t.Errorf("got %v, want ErrPortTaken", err)
	}
}

//go:build kafka

package faulttest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
	"github.com/millrace/millrace/internal/kafkacluster/kafkatest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

const (
	records = 100_000
	keys    = 2_000
	patient = 4 * time.Minute
)

// test is one run: two services on a cluster, and records that are sent while
// faults happen.
type test struct {
	*testing.T
	ctx     context.Context
	brokers []string
	c       *kafka.Cluster
	w       workload
	g       pipeline.Guarantee
	dirs    []string
	running []*child
	random  *rand.Rand

	kills, sent int
}

func newTest(t *testing.T, brokers []string, g pipeline.Guarantee) *test {
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	t.Cleanup(cancel)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	x := &test{T: t, ctx: ctx, brokers: brokers, c: connect(t, brokers), g: g, random: rand.New(rand.NewPCG(seed, 0)),
		w: newWorkload(fmt.Sprintf("fault-%s-%d", g, time.Now().UnixNano()))}
	for range 2 {
		x.dirs = append(x.dirs, t.TempDir())
		x.running = append(x.running, nil)
	}
	return x
}

func (x *test) start(i int) { x.running[i] = start(x.T, x.brokers, x.dirs[i], x.g, x.w.name) }

func (x *test) ready(i int) {
	x.Helper()
	select {
	case <-x.running[i].ready:
	case <-x.running[i].ended:
		x.Fatalf("service %d ended: %v\n%s", i, x.running[i].err, x.running[i].log)
	case <-x.ctx.Done():
		x.Fatalf("service %d is not ready:\n%s", i, x.running[i].log)
	}
}

// kill9 kills a service and starts it again.
func (x *test) kill9(i int) {
	x.running[i].kill()
	x.kills++
	x.start(i)
}

// send sends n records, and calls halfway once after half of them.
func (x *test) send(n int, halfway func()) {
	x.Helper()
	p, err := x.c.NewProducer(x.ctx, transport.ProducerConfig{})
	if err != nil {
		x.Fatal(err)
	}
	defer p.Close()
	var acked sync.WaitGroup
	for i := range n {
		if i == n/2 && halfway != nil {
			halfway()
		}
		v, _ := codec.Int64().Append(nil, int64(x.sent))
		x.sent++
		acked.Add(1)
		p.Produce(x.ctx, &transport.Record{Topic: x.w.in.Name(), Key: fmt.Appendf(nil, "key-%d", x.random.IntN(keys)), Value: v},
			func(_ *transport.Record, err error) {
				if err != nil {
					x.Errorf("send: %v", err)
				}
				acked.Done()
			})
	}
	acked.Wait()
}

// processed waits until both processors have committed all that is there.
func (x *test) processed() {
	x.Helper()
	for _, wait := range []struct{ processor, topic string }{{"count", x.w.in.Name()}, {"sum", x.w.counted.Name()}} {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for behind := true; behind; {
			select {
			case <-tick.C:
			case <-x.ctx.Done():
				for _, c := range x.running {
					x.Logf("%s", c.log)
				}
				x.Fatalf("processor %s never came to the end", wait.processor)
			}
			behind = false
			offsets, err := x.c.GroupOffsets(x.ctx, x.w.name+"-"+wait.processor)
			if err != nil {
				x.Logf("offsets: %v", err)
				behind = true
				continue
			}
			for p := range int32(partitions) {
				_, end, err := x.c.Bounds(x.ctx, transport.TopicPartition{Topic: wait.topic, Partition: p})
				behind = behind || err != nil || offsets[wait.topic][p] < end
			}
		}
	}
}

// finish stops the services and compares.
func (x *test) finish(began time.Time) {
	x.Helper()
	x.processed()
	for _, c := range x.running {
		c.stop()
	}
	f := verify(x.T, x.ctx, x.c, x.w, x.g)
	x.Logf("%s: %d records, %d kills of services, %d lost, %d duplicates, %v", x.g, f.records, x.kills, f.lost, f.duplicates,
		time.Since(began).Round(time.Second))
}

var guarantees = []pipeline.Guarantee{pipeline.ExactlyOnce, pipeline.AtLeastOnce}

// Two services share the partitions; one is killed in the middle of 100,000
// records, then they are killed and replaced in turn.
func TestServicesKilled(t *testing.T) {
	brokers := kafkatest.Addresses(t)
	for _, g := range guarantees {
		t.Run(string(g), func(t *testing.T) {
			began := time.Now()
			x := newTest(t, brokers, g)
			x.start(0)
			x.ready(0)
			x.start(1)
			x.ready(1)
			x.send(records/2, func() { x.kill9(x.random.IntN(2)) })
			for i := range 4 {
				x.send(records/8, func() { x.kill9(i % 2) })
			}
			x.finish(began)
		})
	}
}

// cluster is a cluster whose brokers a test may break.
type cluster struct {
	*kafkacluster.Cluster
	ctx context.Context
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patient)
	t.Cleanup(cancel)
	k, err := kafkacluster.Start(ctx, kafkacluster.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster{k, ctx}
}

// back starts a broker again and waits until it has caught up.
func (k cluster) back(t *testing.T, i int) {
	t.Helper()
	if err := k.StartNode(k.ctx, i); err != nil {
		t.Fatal(err)
	}
	if err := k.AwaitInSync(k.ctx); err != nil {
		t.Fatal(err)
	}
}

// A broker is killed under load, another one stopped, with a service killed
// while it is away, and the third paused.
func TestBrokersKilled(t *testing.T) {
	k := newCluster(t)
	for _, g := range guarantees {
		t.Run(string(g), func(t *testing.T) {
			began := time.Now()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			x := newTest(t, k.Addresses(), g)
			x.start(0)
			x.start(1)
			x.ready(0)
			x.ready(1)
			x.send(records/4, func() { must(k.Kill(0)) })
			k.back(t, 0)
			x.send(records/4, func() { must(k.Stop(1)); x.kill9(0) })
			k.back(t, 1)
			x.send(records/4, func() { must(k.Pause(2)) })
			must(k.Resume(2))
			x.finish(began)
		})
	}
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
)

func TestMain(m *testing.M) {
	if os.Getenv(childApp) != "" {
		os.Exit(child())
	}
	leaktest.Main(m)
}

// patience bounds a test's waiting.
const patience = 2 * time.Minute

// world is a test's view of brokers: topics, groups and state folders have the
// names of one app, which no other test and no other run has.
type world struct {
	*testing.T
	ctx     context.Context
	brokers []string
	app     string
	dir     string
	peers   string // not empty: the processes watch each other
	child   string // the topology of the processes; "": three
	cluster *kafka.Cluster

	services []*service
}

func newWorld(t *testing.T, brokers []string) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w := &world{T: t, ctx: ctx, brokers: brokers, app: fmt.Sprintf("e2e-%d", time.Now().UnixNano()), dir: t.TempDir()}
	var err error
	if w.cluster, err = kafka.New(ctx, kafka.Config{Brokers: brokers, Logger: logger()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func logger() *slog.Logger {
	if os.Getenv("MILLRACE_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// service is a running service.
type service struct {
	*pipeline.Service
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// start runs a topology with the state folder of a machine.
func (w *world) start(machine string, t *pipeline.Topology, change ...func(*pipeline.Config)) *service {
	w.Helper()
	c := pipeline.Config{Brokers: w.brokers, StateDir: filepath.Join(w.dir, machine), ClientID: machine,
		RestartMin: 50 * time.Millisecond, RestartMax: time.Second, Logger: logger()}
	for _, f := range change {
		f(&c)
	}
	s, err := pipeline.NewService(t, c)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	svc := &service{Service: s, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(svc.ended)
		svc.err = s.Run(ctx)
	}()
	w.services = append(w.services, svc)
	w.Cleanup(func() { _ = svc.stop() })
	return svc
}

func (s *service) stop() error {
	s.cancel()
	<-s.ended
	return s.err
}

// partitions returns the ready partitions of a service's processors.
func (s *service) partitions() (ids []int) {
	for _, p := range s.Status().Processors {
		for _, part := range p.Partitions {
			if part.Ready {
				ids = append(ids, part.ID)
			}
		}
	}
	return ids
}

// ready waits until a service runs.
func (w *world) ready(s *service) *service {
	w.Helper()
	if err := s.WaitReady(w.ctx); err != nil {
		w.Fatal(err)
	}
	return s
}

// record makes a record whose key is its value unless there is a second one.
func record(topic, key string, value ...string) *transport.Record {
	r := &transport.Record{Topic: topic, Key: []byte(key), Value: []byte(key)}
	if len(value) > 0 {
		r.Value = []byte(value[0])
	}
	return r
}

// send writes records and waits until they are acknowledged.
func (w *world) send(records ...*transport.Record) {
	w.Helper()
	p, err := w.cluster.NewProducer(w.ctx, transport.ProducerConfig{})
	if err != nil {
		w.Fatal(err)
	}
	defer p.Close()
	var acks sync.WaitGroup
	for _, r := range records {
		acks.Add(1)
		p.Produce(w.ctx, r, func(_ *transport.Record, err error) {
			if err != nil {
				w.Errorf("send: %v", err)
			}
			acks.Done()
		})
	}
	acks.Wait()
}

// read returns the committed records of a topic, partition by partition.
func (w *world) read(topic string) (records []*transport.Record) {
	w.Helper()
	infos, err := w.cluster.Describe(w.ctx, topic)
	if err != nil {
		w.Fatal(err)
	}
	for p := range infos[topic].Partitions {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := w.cluster.Bounds(w.ctx, tp)
		if err == nil {
			err = w.cluster.ReadTable(w.ctx, tp, first, end, func(b transport.TableBatch) error {
				records = append(records, b.Records...)
				return nil
			})
		}
		if err != nil {
			w.Fatal(err)
		}
	}
	return records
}

// count returns how often each key of a topic's records comes.
func (w *world) count(topic string) map[string]int {
	w.Helper()
	n := map[string]int{}
	for _, r := range w.read(topic) {
		n[string(r.Key)]++
	}
	return n
}

// rows returns what a table's topic says.
func (w *world) rows(topic string) map[string]string {
	w.Helper()
	rows := map[string]string{}
	for _, r := range w.read(topic) {
		if r.Value == nil {
			delete(rows, string(r.Key))
		} else {
			rows[string(r.Key)] = string(r.Value)
		}
	}
	return rows
}

// number decodes a count.
func (w *world) number(b string) int64 {
	r := app("").table("x").Deleted("k")
	v, err := r.Decode([]byte(b))
	if err != nil {
		return 0
	}
	return v.(int64)
}

// behind returns how many records of the topics a group has not committed. A
// topic may end in markers of transactions, which need not be committed past:
// they count, so that a caller that waits for none uses settled.
func (w *world) behind(group string, topics ...string) (n int64, err error) {
	committed, err := w.cluster.GroupOffsets(w.ctx, group)
	if err != nil {
		return 0, err
	}
	infos, err := w.cluster.Describe(w.ctx, topics...)
	if err != nil {
		return 0, err
	}
	for _, topic := range topics {
		for p := range infos[topic].Partitions {
			_, end, err := w.cluster.Bounds(w.ctx, transport.TopicPartition{Topic: topic, Partition: p})
			if err != nil {
				return 0, err
			}
			n += end - committed[topic][p]
		}
	}
	return n, nil
}

// settled waits until a group has committed all of a topic that was written
// without transactions.
func (w *world) settled(group string, topics ...string) {
	w.Helper()
	w.until("group "+group+" to commit all", func() bool {
		n, err := w.behind(group, topics...)
		return err == nil && n == 0
	})
}

// until waits for a condition of which nothing tells.
func (w *world) until(what string, cond func() bool) {
	w.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		for _, s := range w.services {
			select {
			case <-s.ended:
				if s.err != nil {
					w.Fatalf("waited for: %s: a service ended: %v", what, s.err)
				}
			default:
			}
		}
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.Fatalf("waited in vain for: %s: %v", what, errors.Join(w.ctx.Err(), context.Cause(w.ctx)))
		}
	}
}

package kafka

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

func TestTopics(t *testing.T) {
	ctx, c := limited(t), newTestCluster(t, brokers(t))
	a := newTopic(t, c, 3, "cleanup.policy", "compact", "retention.ms", "-1")
	b := newTopic(t, c, 1)
	infos, err := c.Describe(ctx, a, b, unique(t, "missing"))
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 2 {
		t.Fatalf("%d topics, want 2: %v", len(infos), infos)
	}
	i := infos[a]
	if i.Name != a || i.Partitions != 3 || i.Replication < 1 || i.ID == [16]byte{} {
		t.Errorf("%+v", i)
	}
	if i.Config["cleanup.policy"] != "compact" || i.Config["retention.ms"] != "-1" || i.Config["max.message.bytes"] == "" {
		t.Errorf("configuration: %v", i.Config)
	}
	if err := c.Create(ctx, transport.TopicSpec{Name: a, Partitions: 3}); !errors.Is(err, transport.ErrTopicExists) || !strings.Contains(err.Error(), a) {
		t.Errorf("create again: %v", err)
	}
	if infos, err := c.Describe(ctx); err != nil || len(infos) != 0 {
		t.Errorf("describe nothing: %v, %v", infos, err)
	}
}

func TestBounds(t *testing.T) {
	ctx, c := limited(t), newTestCluster(t, brokers(t))
	topic := newTopic(t, c, 2)
	send(t, c, topic, 1, "a", "b", "c")
	for p, want := range []int64{0, 3} {
		first, end, err := c.Bounds(ctx, transport.TopicPartition{Topic: topic, Partition: int32(p)})
		if err != nil || first != 0 || end != want {
			t.Errorf("partition %d: [%d, %d), %v", p, first, end, err)
		}
	}
	var unknown sync.WaitGroup
	for _, tp := range []transport.TopicPartition{{Topic: unique(t, "missing")}, {Topic: topic, Partition: 2}, {Topic: topic, Partition: -1}} {
		unknown.Go(func() {
			if _, _, err := c.Bounds(ctx, tp); !errors.Is(err, transport.ErrUnknownTopic) {
				t.Errorf("%v: %v", tp, err)
			}
		})
	}
	unknown.Wait()
}

func TestBrokersThatDoNotAnswer(t *testing.T) {
	c := newTestCluster(t, []string{"127.0.0.1:1", "127.0.0.1:2"}, func(c *Config) { c.ConnectTimeout = 100 * time.Millisecond })
	_, err := c.Describe(limited(t), "a")
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1, 127.0.0.1:2") {
		t.Errorf("%v", err)
	}
}

func TestAdminHonoursItsContext(t *testing.T) {
	c := newTestCluster(t, []string{"127.0.0.1:1"})
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	if _, err := c.Describe(ctx, "a"); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Describe(t.Context(), "a"); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

// Close ends a request that a broker has taken and never answers.
func TestCloseEndsAdmin(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, over := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(over)
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			// Some bytes of a request are there.
			if n, _ := conn.Read(make([]byte, 1)); n == 1 {
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		silent.Close()
		<-over
	})
	c := newTestCluster(t, []string{silent.Addr().String()})
	done := make(chan error)
	go func() {
		_, _, err := c.Bounds(context.Background(), transport.TopicPartition{Topic: "t"})
		done <- err
	}()
	<-asked
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, transport.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestTransientErrorsAreTriedAgain(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	k.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition, Count: 4},
		kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.NotController, Count: 4},
	)
	if _, _, err := c.Bounds(limited(t), transport.TopicPartition{Topic: topic}); err != nil {
		t.Error(err)
	}
	newTopic(t, c, 1)
}

// restartable is one embedded broker that can be stopped and started again on
// the same port and data.
type restartable struct {
	t    testing.TB
	dir  string
	port int
	k    *kfake.Cluster
}

func newRestartable(t testing.TB) *restartable {
	r := &restartable{t: t, dir: t.TempDir()}
	r.start()
	t.Cleanup(func() { r.k.Close() })
	return r
}

func (r *restartable) start() {
	r.t.Helper()
	var err error
	if r.k, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(r.port), kfake.DataDir(r.dir), kfake.GroupMinSessionTimeout(time.Second)); err != nil {
		r.t.Fatal(err)
	}
	r.port = int(netip.MustParseAddrPort(r.k.ListenAddrs()[0]).Port())
}

func TestOutageIsWaitedOut(t *testing.T) {
	r := newRestartable(t)
	c := newTestCluster(t, r.k.ListenAddrs(), func(c *Config) { c.ConnectTimeout = time.Millisecond })
	topic := newTopic(t, c, 1)
	send(t, c, topic, 0, "a")
	r.k.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := c.Bounds(ctx, transport.TopicPartition{Topic: topic}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("during the outage: %v", err)
	}
	r.start()
	if _, end, err := c.Bounds(limited(t), transport.TopicPartition{Topic: topic}); err != nil || end != 1 {
		t.Errorf("after the outage: end %d, %v", end, err)
	}
}

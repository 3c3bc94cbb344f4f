package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// transactor is a member that passes records on in transactions.
type transactor struct {
	t    testing.TB
	g    transport.Group
	in   string
	out  string
	ctx  context.Context
	next map[int32]int64
}

func newTransactor(t testing.TB, c *Cluster, group, id, in, out string) *transactor {
	t.Helper()
	x := &transactor{t: t, in: in, out: out, ctx: limited(t), next: map[int32]int64{}}
	var err error
	x.g, err = c.Join(x.ctx, transport.GroupConfig{Group: group, Topics: []string{in}, TransactionalID: id})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// poll handles what one Poll returns: each value is passed on.
func (x *transactor) poll() int {
	x.t.Helper()
	fetches, err := x.g.Poll(x.ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	var acked sync.WaitGroup
	n := 0
	for _, f := range fetches {
		for _, r := range f.Records {
			n++
			acked.Add(1)
			x.g.Produce(x.ctx, &transport.Record{Topic: x.out, Key: r.Value, Value: r.Value}, func(_ *transport.Record, err error) {
				if err != nil {
					x.t.Error(err)
				}
				acked.Done()
			})
			x.next[f.Partition] = r.Offset + 1
		}
	}
	acked.Wait()
	return n
}

func (x *transactor) offsets() transport.Offsets { return transport.Offsets{x.in: x.next} }

// committed reads a topic's committed values, sorted as numbers.
func committed(t testing.TB, c *Cluster, topic string, partitions int32) []int {
	t.Helper()
	var got []int
	for p := range partitions {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := c.Bounds(limited(t), tp)
		if err != nil {
			t.Fatal(err)
		}
		err = c.ReadTable(limited(t), tp, first, end, func(b transport.TableBatch) error {
			for _, r := range b.Records {
				n, err := strconv.Atoi(string(r.Value))
				if err != nil {
					return err
				}
				got = append(got, n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(got)
	return got
}

func numbers(n int) (ns []int) {
	for i := range n {
		ns = append(ns, i)
	}
	return ns
}

// A member whose offsets and outputs are in transactions, some of them aborted,
// and that is replaced in the middle of one: each record comes out once.
func TestTransactionsPassEachRecordOnOnce(t *testing.T) {
	addresses := brokers(t)
	c := newTestCluster(t, addresses)
	in, out := newTopic(t, c, 1), unique(t, "out")
	if err := c.Create(limited(t), transport.TopicSpec{Name: out, Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	group, id := unique(t, "group"), unique(t, "tx")
	sent := 0
	for range 3 {
		x := newTransactor(t, c, group, id, in, out)
		for _, end := range []string{"commit", "abort", "leave open"} {
			var values []string
			for range 10 {
				values = append(values, fmt.Sprint(sent))
				sent++
			}
			send(t, c, in, 0, values...)
			if err := x.g.Begin(x.ctx); err != nil {
				t.Fatal(err)
			}
			for n := 0; n == 0; {
				n = x.poll()
			}
			var err error
			switch end {
			case "commit":
				err = x.g.CommitTransaction(x.ctx, x.offsets())
			case "abort":
				if err = x.g.AbortTransaction(x.ctx); err == nil {
					x.g.Close() // the next one reads the records again
					x = newTransactor(t, c, group, id, in, out)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		x.g.Close()
	}
	x := newTransactor(t, c, group, id, in, out)
	defer x.g.Close()
	for done := false; !done; {
		if err := x.g.Begin(x.ctx); err != nil {
			t.Fatal(err)
		}
		for n := 0; n == 0; {
			n = x.poll()
		}
		if err := x.g.CommitTransaction(x.ctx, x.offsets()); err != nil {
			t.Fatal(err)
		}
		done = x.next[0] == int64(sent)
	}
	if got := committed(t, c, out, 2); !slices.Equal(got, numbers(sent)) {
		t.Errorf("%d records came out of %d: %v", len(got), sent, got)
	}
}

// A transaction in which nothing was produced commits its offsets all the same.
func TestTransactionOfNothingCommitsOffsets(t *testing.T) {
	c := newTestCluster(t, brokers(t))
	in := newTopic(t, c, 1)
	send(t, c, in, 0, "0", "1")
	group, id := unique(t, "group"), unique(t, "tx")
	x := newTransactor(t, c, group, id, in, in)
	if err := x.g.Begin(x.ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := x.g.Poll(x.ctx); err != nil {
		t.Fatal(err)
	}
	if err := x.g.CommitTransaction(x.ctx, transport.Offsets{in: {0: 1}}); err != nil {
		t.Fatal(err)
	}
	x.g.Close()
	x = newTransactor(t, c, group, id, in, in)
	defer x.g.Close()
	fetches, err := x.g.Poll(x.ctx)
	if err != nil || len(fetches) != 1 || fetches[0].Records[0].Offset != 1 {
		t.Errorf("the next member got %v, %v, want to begin at 1", fetches, err)
	}
}

// A member that was replaced by another of its transactional id, or that is
// out of its group, commits nothing any more.
func TestZombiesAreFenced(t *testing.T) {
	c := newTestCluster(t, brokers(t), func(c *Config) { c.SessionTimeout = 6 * time.Second })
	in, out := newTopic(t, c, 1), unique(t, "out")
	if err := c.Create(limited(t), transport.TopicSpec{Name: out, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	send(t, c, in, 0, "0", "1", "2")
	id := unique(t, "tx")
	begin := func(group string) *transactor {
		x := newTransactor(t, c, group, id, in, out)
		if err := x.g.Begin(x.ctx); err != nil {
			t.Fatal(err)
		}
		for n := 0; n == 0; {
			n = x.poll()
		}
		return x
	}
	zombie := begin(unique(t, "group"))
	defer zombie.g.Close()
	heir := begin(unique(t, "group"))
	defer heir.g.Close()
	if err := heir.g.CommitTransaction(heir.ctx, heir.offsets()); err != nil {
		t.Fatal(err)
	}
	if err := zombie.g.CommitTransaction(zombie.ctx, zombie.offsets()); err == nil {
		t.Error("a member was not fenced by the one that has its transactional id")
	}
	if got := committed(t, c, out, 1); !slices.Equal(got, numbers(3)) {
		t.Errorf("committed %v, want those of the heir only", got)
	}
	gone := begin(unique(t, "group"))
	defer gone.g.Close()
	if err := gone.g.Leave(gone.ctx); err != nil {
		t.Fatal(err)
	}
	if err := gone.g.CommitTransaction(gone.ctx, gone.offsets()); !errors.Is(err, transport.ErrFenced) {
		t.Errorf("a member that left committed: %v", err)
	}
	if err := gone.g.AbortTransaction(gone.ctx); err != nil {
		t.Error(err)
	}
}

// The coordinator refuses offsets while it still ends the transaction before:
// the commit is tried again until it has done so.
func TestTransactionCommitWaitsForTheOneBefore(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	in, out := newTopic(t, c, 1), newTopic(t, c, 1)
	x := newTransactor(t, c, unique(t, "group"), unique(t, "tx"), in, out)
	defer x.g.Close()
	send(t, c, in, 0, "0")
	if err := x.g.Begin(x.ctx); err != nil {
		t.Fatal(err)
	}
	for x.poll() == 0 {
	}
	busy := k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.ConcurrentTransactions, Count: 3})
	if err := x.g.CommitTransaction(x.ctx, x.offsets()); err != nil {
		t.Fatal(err)
	}
	if busy.Hits() != 3 {
		t.Errorf("%d commits were refused, want 3", busy.Hits())
	}
	if got := committed(t, c, out, 1); !slices.Equal(got, numbers(1)) {
		t.Errorf("committed %v", got)
	}
}

// held is a partitioner that stops at the key "held", as franz-go's goroutine for
// metadata may on a busy machine: after the records before it were sent, and before
// their topic is noted.
type held struct{ until chan struct{} }

func (h held) ForTopic(string) kgo.TopicPartitioner { return h }
func (held) RequiresConsistency(*kgo.Record) bool   { return true }
func (h held) Partition(r *kgo.Record, _ int) (partition int) {
	if string(r.Key) == "held" {
		<-h.until
	}
	return 0
}

// messages is a log that says when a message comes.
type messages struct {
	slog.Handler
	message string
	came    chan struct{}
}

func (l messages) Handle(_ context.Context, r slog.Record) error {
	if r.Message == l.message {
		select {
		case l.came <- struct{}{}:
		default:
		}
	}
	return nil
}

// The first records to a topic are acknowledged while franz-go still notes the
// topic: the transaction is committed, and not aborted in silence.
func TestTransactionWaitsForItsTopics(t *testing.T) {
	addresses := newFake(t).ListenAddrs()
	waits := messages{slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}),
		"kafka: producer state set to aborting; continuing to wait via flushing", make(chan struct{}, 1)}
	c, err := New(limited(t), Config{Brokers: addresses, Logger: slog.New(waits)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in, out := newTopic(t, c, 1), newTopic(t, c, 1)
	send(t, c, in, 0, "0")
	until := make(chan struct{})
	m, err := c.newMember(transport.GroupConfig{Group: unique(t, "group"), Topics: []string{in}, TransactionalID: unique(t, "tx")},
		kgo.RecordPartitioner(held{until}))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := limited(t)
	if _, err := m.Poll(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	acked := make(chan error, 2)
	for _, key := range []string{"sent", "held"} {
		m.Produce(ctx, &transport.Record{Topic: out, Key: []byte(key), Value: []byte("0")}, func(_ *transport.Record, err error) { acked <- err })
	}
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- m.CommitTransaction(ctx, transport.Offsets{in: {0: 1}}) }()
	select {
	case err = <-ended:
		close(until)
	case <-waits.came:
		close(until)
		err = <-ended
	}
	if err != nil {
		t.Fatal(err)
	}
	<-acked
	if got := committed(t, c, out, 1); !slices.Equal(got, []int{0}) {
		t.Errorf("committed records are %v, want the one that was acknowledged", got)
	}
	if at, err := c.GroupOffsets(ctx, m.cfg.Group); err != nil || at[in][0] != 1 {
		t.Errorf("the offset is %v, %v, want 1", at, err)
	}
}

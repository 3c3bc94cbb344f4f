package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// transaction is one that a client of its own has begun.
type transaction struct {
	t  testing.TB
	cl *kgo.Client
}

// begin writes values to partition 0 of a topic in a new transaction.
func begin(t testing.TB, c *Cluster, topic string, values ...string) *transaction {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.cfg.Brokers...), kgo.TransactionalID(unique(t, "txn")),
		kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := cl.ProduceSync(limited(t), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return &transaction{t, cl}
}

func (x *transaction) end(commit kgo.TransactionEndTry) {
	x.t.Helper()
	if err := x.cl.EndTransaction(limited(x.t), commit); err != nil {
		x.t.Fatal(err)
	}
}

// readAll reads partition 0 up to its high watermark, and returns how far it
// came.
func readAll(t testing.TB, c *Cluster, topic string, from int64) (values []string, next int64) {
	t.Helper()
	tp := transport.TopicPartition{Topic: topic}
	_, end, err := c.Bounds(limited(t), tp)
	if err != nil {
		t.Fatal(err)
	}
	err = c.ReadTable(limited(t), tp, from, end, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			values = append(values, string(r.Value))
		}
		next = b.Next
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if next = max(next, from); next < end {
		t.Errorf("the read ended at %d, before %d", next, end)
	}
	return values, next
}

// A log may end in records that a read-committed client does not deliver: the
// read ends all the same.
func TestReadTableEndsAtWhatIsNotDelivered(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	for name, tt := range map[string]struct {
		make func(topic string)
		want []string
	}{
		"a control record": {func(topic string) {
			begin(t, c, topic, "a", "b").end(kgo.TryCommit)
		}, []string{"a", "b"}},
		"an aborted transaction": {func(topic string) {
			send(t, c, topic, 0, "a")
			begin(t, c, topic, "x", "y").end(kgo.TryAbort)
		}, []string{"a"}},
		"only an aborted transaction": {func(topic string) {
			begin(t, c, topic, "x", "y").end(kgo.TryAbort)
		}, nil},
		"aborted between committed": {func(topic string) {
			begin(t, c, topic, "a").end(kgo.TryCommit)
			begin(t, c, topic, "x").end(kgo.TryAbort)
			send(t, c, topic, 0, "b")
		}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			topic := newTopic(t, c, 1)
			tt.make(topic)
			got, next := readAll(t, c, topic, 0)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if again, _ := readAll(t, c, topic, next); again != nil {
				t.Errorf("%q after the end", again)
			}
		})
	}
}

// Records of an open transaction are waited for: they may become part of the
// state that is being restored.
func TestReadTableWaitsForOpenTransactions(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	for name, tt := range map[string]struct {
		end  kgo.TransactionEndTry
		want []string
	}{"commit": {kgo.TryCommit, []string{"a", "x", "b"}}, "abort": {kgo.TryAbort, []string{"a", "b"}}} {
		t.Run(name, func(t *testing.T) {
			topic := newTopic(t, c, 1)
			send(t, c, topic, 0, "a")
			x := begin(t, c, topic, "x")
			send(t, c, topic, 0, "b")
			type result struct {
				values []string
				err    error
			}
			first, done := make(chan struct{}, 8), make(chan result, 1)
			go func() {
				var r result
				r.err = c.ReadTable(limited(t), transport.TopicPartition{Topic: topic}, 0, 3, func(b transport.TableBatch) error {
					for _, rec := range b.Records {
						r.values = append(r.values, string(rec.Value))
						first <- struct{}{}
					}
					return nil
				})
				done <- r
			}()
			<-first
			select { // four looks behind the end
			case r := <-done:
				t.Fatalf("the read ended before the transaction: %q, %v", r.values, r.err)
			case <-time.After(firstLook * 15):
			}
			x.end(tt.end)
			r := <-done
			if r.err != nil || !slices.Equal(r.values, tt.want) {
				t.Errorf("%q, %v; want %q", r.values, r.err, tt.want)
			}
		})
	}
}

// deleteRecords deletes a partition's records before an offset.
func deleteRecords(t testing.TB, c *Cluster, topic string, before int64) {
	t.Helper()
	_, err := call(limited(t), c.admin, "delete records", func(conn *connection) (struct{}, error) {
		return struct{}{}, conn.DeleteRecords(topic, map[int32]int64{0: before})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func deleteTopic(t testing.TB, c *Cluster, topic string) {
	t.Helper()
	_, err := call(limited(t), c.admin, "delete topic", func(conn *connection) (struct{}, error) {
		return struct{}{}, conn.DeleteTopic(topic)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadTableBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic := newTopic(t, c, 1)
	send(t, c, topic, 0, numbered("v", 5)...)
	deleteRecords(t, c, topic, 3)
	tp := transport.TopicPartition{Topic: topic}
	var out *transport.OffsetOutOfRangeError
	err := c.ReadTable(limited(t), tp, 2, 5, func(transport.TableBatch) error { return nil })
	if !errors.As(err, &out) || out.First != 3 || out.End != 5 || out.From != 2 {
		t.Errorf("%v", err)
	}
	if got, _ := readAll(t, c, topic, 3); !slices.Equal(got, []string{"v3", "v4"}) {
		t.Errorf("%q", got)
	}
}

// A topic that is deleted, or deleted and made anew, ends the reads that follow
// it; others of the same client go on.
func TestReadTableOfADeletedTopic(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic, other := newTopic(t, c, 1), newTopic(t, c, 1)
	send(t, c, topic, 0, "a", "b")
	follow := func(topic string) (got chan string, ended chan error, stop func()) {
		got, ended = make(chan string, 64), make(chan error, 1)
		ctx, stop := context.WithCancel(limited(t))
		go func() {
			ended <- c.ReadTable(ctx, transport.TopicPartition{Topic: topic}, 0, -1, func(b transport.TableBatch) error {
				for _, r := range b.Records {
					got <- string(r.Value)
				}
				return nil
			})
		}()
		return got, ended, stop
	}
	got, ended, _ := follow(topic)
	<-got
	<-got
	others, othersEnd, stop := follow(other)
	deleteTopic(t, c, topic)
	var out *transport.OffsetOutOfRangeError
	if err := <-ended; !errors.Is(err, transport.ErrUnknownTopic) && !errors.As(err, &out) {
		t.Errorf("the read ended with %v", err)
	}
	waitFor(t, "the topic to be made anew", func() bool {
		return c.Create(limited(t), transport.TopicSpec{Name: topic, Partitions: 1}) == nil
	})
	send(t, c, topic, 0, "new")
	if got, _ := readAll(t, c, topic, 0); !slices.Equal(got, []string{"new"}) {
		t.Errorf("the new topic holds %q", got)
	}
	send(t, c, other, 0, "still")
	if v := <-others; v != "still" {
		t.Errorf("the other topic: %q", v)
	}
	stop()
	<-othersEnd
}

// A topic of several partitions is deleted and made anew while each is followed,
// by readers that begin again as soon as they are told, each at its own time: all
// get what the new one holds.
func TestFollowersOfATopicMadeAnew(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	const partitions = 4
	topic := newTopic(t, c, partitions)
	for p := range int32(partitions) {
		send(t, c, topic, p, "old", "old", "old")
	}
	ctx, cancel := context.WithCancel(limited(t))
	var following sync.WaitGroup
	old, fresh := make(chan struct{}, 64), make(chan int32, 64)
	for p := range int32(partitions) {
		following.Go(func() {
			for from := int64(0); ctx.Err() == nil; {
				err := c.ReadTable(ctx, transport.TopicPartition{Topic: topic, Partition: p}, from, -1, func(b transport.TableBatch) error {
					for _, r := range b.Records {
						if from = r.Offset + 1; string(r.Value) == "old" {
							old <- struct{}{}
						} else {
							fresh <- p
						}
					}
					return nil
				})
				var out *transport.OffsetOutOfRangeError
				if errors.As(err, &out) {
					from = out.First
				}
				wait(ctx, time.Duration(p)*50*time.Millisecond)
			}
		})
	}
	for range 3 * partitions {
		<-old
	}
	deleteTopic(t, c, topic)
	waitFor(t, "the topic to be made anew", func() bool {
		return c.Create(limited(t), transport.TopicSpec{Name: topic, Partitions: partitions}) == nil
	})
	for p := range int32(partitions) {
		send(t, c, topic, p, "new")
	}
	seen := map[int32]bool{}
	for len(seen) < partitions {
		select {
		case p := <-fresh:
			seen[p] = true
		case <-ctx.Done():
			t.Fatalf("only partitions %v have the new records", seen)
		}
	}
	cancel()
	following.Wait()
}

// Many readers of many partitions, slow ones among them, with a large table.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic := newTopic(t, c, 4)
	p, err := c.NewProducer(t.Context(), transport.ProducerConfig{Partitioning: transport.Partitioning{Explicit: []string{topic}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const n = 1500
	large := string(make([]byte, 4000)) // 6 MB a partition: more than waits for a reader
	for i := range int32(4) {
		var vs []string
		for j := range n {
			vs = append(vs, fmt.Sprint(j, " ", large))
		}
		sendWith(t, p, topic, i, vs...)
	}
	errs := make(chan error, 6)
	for i := range 6 {
		go func() {
			count := 0
			err := c.ReadTable(limited(t), transport.TopicPartition{Topic: topic, Partition: int32(i % 4)}, 0, n, func(b transport.TableBatch) error {
				for _, r := range b.Records {
					if r.Offset != int64(count) {
						return fmt.Errorf("offset %d, want %d", r.Offset, count)
					}
					count++
				}
				return nil
			})
			if err == nil && count != n {
				err = fmt.Errorf("%d records, want %d", count, n)
			}
			errs <- err
		}()
	}
	for range 6 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// A log with holes, as compaction leaves them, the last records among them.
func TestReadTableWithHoles(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	send(t, c, topic, 0, numbered("v", 4)...)
	// The last batches are answered as if compaction had removed them.
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		f := req.(*kmsg.FetchRequest)
		resp := f.ResponseKind().(*kmsg.FetchResponse)
		hole := false
		for _, rt := range f.Topics {
			st := kmsg.NewFetchResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				if rp.FetchOffset < 2 {
					continue
				}
				hole = true
				sp := kmsg.NewFetchResponseTopicPartition()
				sp.Partition, sp.HighWatermark, sp.LastStableOffset = rp.Partition, 4, 4
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		if !hole {
			return nil, nil, false
		}
		return resp, nil, true
	})
	var next int64
	err := c.ReadTable(limited(t), transport.TopicPartition{Topic: topic}, 2, 4, func(b transport.TableBatch) error {
		if len(b.Records) > 0 {
			return fmt.Errorf("records %v", b.Records)
		}
		next = b.Next
		return nil
	})
	if err != nil || next != 4 {
		t.Errorf("the read came to %d: %v", next, err)
	}
}

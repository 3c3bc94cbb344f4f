package embedded

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consume polls until n records came, and commits them.
func consume(t testing.TB, ctx context.Context, cl *kgo.Client, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("got %d of %d records: %v", len(got), n, fs.Err())
		}
		fs.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	return got
}

// A group of either protocol shares the partitions out, goes on from its
// offsets, and outlives an outage.
func TestConsumerGroups(t *testing.T) {
	for name, opts := range map[string][]kgo.Opt{
		"classic": nil,
		"KIP-848": {kgo.ServerSideBalancer()},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{})
			create(t, b, "t", 4, nil)
			ctx := limit(t)
			p := client(t, b.Addresses(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			send := func(from, to int) {
				t.Helper()
				for i := from; i < to; i++ {
					r := &kgo.Record{Topic: "t", Partition: int32(i % 4), Value: []byte(strconv.Itoa(i))}
					if err := p.ProduceSync(ctx, r).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
			}
			join := func() (*kgo.Client, chan map[string][]int32) {
				assigned := make(chan map[string][]int32, 100)
				return client(t, b.Addresses(), append([]kgo.Opt{
					kgo.ConsumerGroup("group"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit(),
					kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50 * time.Millisecond),
					kgo.HeartbeatInterval(100 * time.Millisecond),
					kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { assigned <- m }),
				}, opts...)...), assigned
			}
			send(0, 8)
			first, _ := join()
			if got := consume(t, ctx, first, 8); len(got) != 8 {
				t.Errorf("the first member got %q", got)
			}
			second, assigned := join()
			polled := make(chan int)
			pctx, stop := context.WithCancel(ctx)
			go func() { // its part of the records, once it has partitions
				n := 0
				for pctx.Err() == nil {
					n += second.PollFetches(pctx).NumRecords()
				}
				polled <- n
			}()
			for ps := 0; ps == 0; {
				select {
				case m := <-assigned:
					ps = len(m["t"])
				case <-ctx.Done():
					t.Fatal("the second member got no partitions")
				}
			}
			stop()
			if n := <-polled; n != 0 {
				t.Errorf("the second member got %d records that were committed", n)
			}
			second.Close()
			if err := b.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			send(8, 16)
			got := consume(t, ctx, first, 8)
			slices.SortFunc(got, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y })
			if !slices.Equal(got, numbers(8, 16)) {
				t.Errorf("after the outage the first member got %q", got)
			}
		})
	}
}

// Consume, process, produce in transactions: an abort leaves nothing, a commit
// everything, with the group's offsets.
func TestTransactionsWithGroupOffsets(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "in", 1, nil)
	create(t, b, "out", 1, nil)
	ctx := limit(t)
	produce(t, client(t, b.Addresses()), "in", numbers(0, 4)...)
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(b.Addresses()...), kgo.TransactionalID("tx"),
		kgo.ConsumerGroup("group"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seen := 0
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		for n := 0; n < 4; {
			fs := s.PollFetches(ctx)
			if err := ctx.Err(); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				if err := s.Begin(); err != nil {
					t.Fatal(err)
				}
			}
			fs.EachRecord(func(r *kgo.Record) {
				n++
				seen++
				s.Produce(ctx, &kgo.Record{Topic: "out", Value: fmt.Appendf(nil, "%s by %v", r.Value, end)}, nil)
			})
		}
		if committed, err := s.End(ctx, end); err != nil || committed != bool(end) {
			t.Fatalf("the transaction ended %v, %v, want %v", committed, err, end)
		}
	}
	if got := values(t, b, "out", kgo.ReadCommitted()); len(got) != 4 || got[0] != "0 by true" {
		t.Errorf("readers of committed records see %q", got)
	}
	if seen != 8 {
		t.Errorf("%d records were processed, want 8", seen)
	}
	offsets, err := kadm.NewClient(client(t, b.Addresses())).FetchOffsets(ctx, "group")
	if o, ok := offsets.Lookup("in", 0); err != nil || !ok || o.At != 4 {
		t.Errorf("the group is at %v, %v, want 4", o.At, err)
	}
}

// The engine's topic administration is sarama's.
func TestSaramaClusterAdmin(t *testing.T) {
	b := start(t, Config{})
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V4_0_0_0
	admin, err := sarama.NewClusterAdmin(b.Addresses(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	compact, retention := "compact", "-1"
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"cleanup.policy": &compact, "retention.ms": &retention}}
	if err := admin.CreateTopic("table", detail, true); err != nil {
		t.Fatalf("validate only: %v", err)
	}
	if err := admin.CreateTopic("table", detail, false); err != nil {
		t.Fatal(err)
	}
	topics, err := admin.ListTopics()
	if err != nil {
		t.Fatal(err)
	}
	if got := topics["table"]; got.NumPartitions != 3 || got.ReplicationFactor != 1 || got.ConfigEntries["cleanup.policy"] == nil {
		t.Errorf("listed: %+v", got)
	}
	meta, err := admin.DescribeTopics([]string{"table", "missing"})
	if err != nil || len(meta) != 2 || len(meta[0].Partitions) != 3 || meta[1].Err != sarama.ErrUnknownTopicOrPartition {
		t.Errorf("described: %+v, %v", meta, err)
	}
	described, err := admin.DescribeConfigs([]*sarama.ConfigResource{
		{Type: sarama.TopicResource, Name: "table", ConfigNames: []string{"cleanup.policy"}}}, sarama.DescribeConfigsOptions{})
	if err != nil || len(described) != 1 || len(described[0].Configs) != 1 || described[0].Configs[0].Value != "compact" {
		t.Errorf("configuration: %+v, %v", described, err)
	}
	if err := admin.CreatePartitions("table", 4, nil, false); err != nil {
		t.Error(err)
	}
	if err := admin.DeleteTopic("table"); err != nil {
		t.Error(err)
	}
}

// A consumer group by sarama, as stock goka has it.
func TestSaramaConsumerGroup(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "in", 1, nil)
	produce(t, client(t, b.Addresses()), "in", numbers(0, 3)...)
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V4_0_0_0
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	g, err := sarama.NewConsumerGroup(b.Addresses(), "group", cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(limit(t))
	h := &saramaHandler{want: 3, done: cancel}
	if err := g.Consume(ctx, []string{"in"}, h); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	offsets, err := kadm.NewClient(client(t, b.Addresses())).FetchOffsets(limit(t), "group")
	if o, ok := offsets.Lookup("in", 0); err != nil || !ok || o.At != 3 || !slices.Equal(h.got, numbers(0, 3)) {
		t.Errorf("sarama got %q, the group is at %v, %v", h.got, o.At, err)
	}
}

type saramaHandler struct {
	want int
	got  []string
	done func()
}

func (*saramaHandler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*saramaHandler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h *saramaHandler) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for m := range c.Messages() {
		h.got = append(h.got, string(m.Value))
		s.MarkMessage(m, "")
		if len(h.got) == h.want {
			s.Commit()
			h.done()
		}
	}
	return nil
}

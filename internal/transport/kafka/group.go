package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// group is a member of a consumer group and its producer: one franz-go client.
type group struct {
	*kgo.Client
	c   *Cluster
	cfg transport.GroupConfig
}

var _ transport.Group = (*group)(nil)

// Join implements transport.Cluster.
func (c *Cluster) Join(_ context.Context, cfg transport.GroupConfig) (transport.Group, error) {
	if cfg.FetchMaxBytes <= 0 {
		cfg.FetchMaxBytes = 1 << 20
	}
	g := &group{c: c, cfg: cfg}
	call := func(f func(context.Context, transport.Assignment)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(ctx context.Context, _ *kgo.Client, m map[string][]int32) {
			if f != nil && len(m) > 0 {
				f(ctx, m)
			}
		}
	}
	opts := append(c.options(cfg.ClientID), producing(cfg.Explicit, cfg.BufferedBytes)...)
	opts = append(opts,
		kgo.ConsumerGroup(cfg.Group),
		kgo.ConsumeTopics(cfg.Topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(&copartitioned{}),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(250*time.Millisecond),
		kgo.FetchMaxPartitionBytes(cfg.FetchMaxBytes),
		kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.SessionTimeout(c.cfg.SessionTimeout),
		kgo.RebalanceTimeout(c.cfg.RebalanceTimeout),
		// An assignment of nothing is an assignment too: it tells the engine
		// that it is a member with no partitions.
		kgo.OnPartitionsAssigned(func(ctx context.Context, _ *kgo.Client, m map[string][]int32) {
			if cfg.Assigned != nil {
				cfg.Assigned(ctx, m)
			}
		}),
		kgo.OnPartitionsRevoked(call(cfg.Revoked)),
		kgo.OnPartitionsLost(call(cfg.Lost)),
	)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka group %s: %w", cfg.Group, err)
	}
	g.Client = cl
	return g, nil
}

// Produce implements transport.Producer.
func (g *group) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	g.Client.Produce(ctx, r, acked)
}

// Poll implements transport.Group. No callback of a rebalance runs between its
// return and its next call: franz-go blocks them, and a caller that has put
// the records where they belong calls again.
func (g *group) Poll(ctx context.Context) ([]transport.Fetch, error) {
	for {
		g.AllowRebalance()
		fetches := g.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			g.AllowRebalance()
			return nil, err
		}
		var err error
		fetches.EachError(func(topic string, p int32, ferr error) {
			if e := g.fetchError(topic, p, ferr); e != nil && err == nil {
				err = e
			}
		})
		if err != nil {
			g.AllowRebalance()
			return nil, err
		}
		var out []transport.Fetch
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) > 0 {
				out = append(out, transport.Fetch{TopicPartition: transport.TopicPartition{Topic: f.Topic, Partition: f.Partition},
					Records: f.Records, End: f.HighWatermark})
			}
		})
		if len(out) > 0 {
			return out, nil
		}
	}
}

// fetchError returns what the caller has to know of; the client itself tries
// again whatever may pass.
func (g *group) fetchError(topic string, p int32, err error) error {
	var session *kgo.ErrGroupSession
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case errors.As(err, &session):
		g.c.cfg.Logger.Warn("kafka group: session", "group", g.cfg.Group, "error", err)
		return nil
	case kerr.IsRetriable(err):
		g.c.cfg.Logger.Debug("kafka fetch: tried again", "topic", topic, "partition", p, "error", err)
		return nil
	}
	return fmt.Errorf("topic %s, partition %d: %w", topic, p, err)
}

// Pause implements transport.Group.
func (g *group) Pause(a transport.Assignment) { g.PauseFetchPartitions(a) }

// Resume implements transport.Group.
func (g *group) Resume(a transport.Assignment) { g.ResumeFetchPartitions(a) }

// Commit implements transport.Group. franz-go holds a commit back while the
// member joins and syncs, so that it goes out with the generation that the
// answer is checked against.
func (g *group) Commit(ctx context.Context, offsets transport.Offsets) error {
	m := make(map[string]map[int32]kgo.EpochOffset, len(offsets))
	for t, ps := range offsets {
		m[t] = make(map[int32]kgo.EpochOffset, len(ps))
		for p, o := range ps {
			m[t][p] = kgo.EpochOffset{Epoch: -1, Offset: o}
		}
	}
	var result error
	g.CommitOffsetsSync(ctx, m, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			result = err
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					result = fmt.Errorf("topic %s, partition %d: %w", t.Topic, p.Partition, err)
					return
				}
			}
		}
	})
	return commitError(result)
}

func commitError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedInstanceID),
		errors.Is(err, kerr.StaleMemberEpoch), errors.Is(err, kerr.FencedMemberEpoch):
		return fmt.Errorf("%w: %w", transport.ErrFenced, err)
	case errors.Is(err, kerr.RebalanceInProgress), kerr.IsRetriable(err):
		return fmt.Errorf("%w: %w", transport.ErrRebalance, err)
	}
	return mapped(err)
}

// Member implements transport.Group.
func (g *group) Member() (string, int32) { return g.GroupMetadata() }

// Leave implements transport.Group.
func (g *group) Leave(ctx context.Context) error {
	g.AllowRebalance()
	return g.LeaveGroupContext(ctx)
}

// Close implements transport.Producer.
func (g *group) Close() {
	g.AllowRebalance()
	g.Client.CloseAllowingRebalance()
}

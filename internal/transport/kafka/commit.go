package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// unknownTries is how often a commit is tried that the coordinator refuses
// because it knows no such topic: it may be behind, or the topic deleted.
const unknownTries = 8

// Commit implements [transport.Group]. It tries again what may pass, for as
// long as ctx lets.
//
// What franz-go's CommitOffsetsSync does, and what follows from it:
//
//   - It waits while the member joins and syncs, so that a request never meets
//     a generation that changes under way. A join lasts until all members have
//     revoked what they must; meanwhile a commit blocks, bounded by ctx.
//     RebalanceInProgress is therefore rare: a rebalance that the member has
//     not yet heard of.
//   - Inside the callback of a revocation there is no join under way, and it
//     works as at any other time. In a cooperative rebalance that is after the
//     sync: the commit carries the new generation, in which the partitions
//     that are revoked have no owner yet.
//   - Commits of a member go out one after the other, in the order of calls.
//   - After UnknownMemberID or IllegalGeneration it makes the member join
//     again.
//   - The member id and generation are filled in late, and are empty while the
//     member is out of the group: the coordinator takes such a commit for that
//     of a consumer without a group, and accepts it if the group is empty.
//     That would rewind a group that had gone on. admit refuses it.
func (m *member) Commit(ctx context.Context, offsets transport.Offsets) error {
	req := make(map[string]map[int32]kgo.EpochOffset, len(offsets))
	for t, ps := range offsets {
		if len(ps) == 0 {
			continue
		}
		req[t] = make(map[int32]kgo.EpochOffset, len(ps))
		for p, o := range ps {
			req[t][p] = kgo.EpochOffset{Epoch: -1, Offset: o}
		}
	}
	if len(req) == 0 {
		return nil
	}
	commitCtx := kgo.PreCommitFnContext(ctx, m.admit)
	for n := 1; ; n++ {
		err := m.commitOnce(commitCtx, req)
		unknown := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
		again := kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err)
		if ctx.Err() != nil || !again || unknown && n >= unknownTries {
			return m.commitError(ctx, err)
		}
		if !wait(ctx, backoff(n)) {
			return m.commitError(ctx, err)
		}
	}
}

// admit looks at a request just before it is sent, and signs it.
func (m *member) admit(req *kmsg.OffsetCommitRequest) error {
	if req.MemberID == "" || req.Generation < 0 {
		return fmt.Errorf("%w: it has not joined", transport.ErrFenced)
	}
	signed := signature{req.MemberID, m.cfg.TransactionalID}.String()
	for i, t := range req.Topics {
		for j, p := range t.Partitions {
			if m.cfg.TransactionalID != "" {
				req.Topics[i].Partitions[j].Metadata = &signed
			}
			if err := m.has(req.MemberID, transport.TopicPartition{Topic: t.Topic, Partition: p.Partition}); err != nil {
				return err
			}
		}
	}
	return nil
}

// has says why a partition is not the member's, in the life that has this id.
func (m *member) has(id string, tp transport.TopicPartition) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch of, ok := m.owned[tp]; {
	case !ok:
		return fmt.Errorf("%w with topic %s, partition %d: it is not assigned to it", transport.ErrFenced, tp.Topic, tp.Partition)
	case of != id: // see onAssigned
		return fmt.Errorf("%w with topic %s, partition %d: it was thrown out and has joined again", transport.ErrFenced, tp.Topic, tp.Partition)
	}
	return nil
}

func (m *member) commitOnce(ctx context.Context, offsets map[string]map[int32]kgo.EpochOffset) (result error) {
	m.cl.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			result = err
			return
		}
		names := map[[16]byte]string{} // newer responses have ids only
		for _, t := range req.Topics {
			names[t.TopicID] = t.Topic
		}
		for _, t := range resp.Topics {
			name := t.Topic
			if name == "" {
				name = names[t.TopicID]
			}
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					result = fmt.Errorf("topic %s, partition %d: %w", name, p.Partition, err)
					return
				}
			}
		}
	})
	return result
}

func (m *member) commitError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	switch {
	case errors.Is(err, transport.ErrFenced):
	case errors.Is(err, kerr.FencedInstanceID):
		return m.taken(err)
	case errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID),
		errors.Is(err, kerr.StaleMemberEpoch), errors.Is(err, kerr.FencedMemberEpoch):
		kind = transport.ErrFenced
	case errors.Is(err, kerr.RebalanceInProgress):
		kind = transport.ErrRebalance
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		kind = transport.ErrUnknownTopic
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		kind = ctx.Err()
	}
	if kind != nil {
		return fmt.Errorf("commit offsets of group %s: %w: %w", m.cfg.Group, kind, err)
	}
	return fmt.Errorf("commit offsets of group %s: %w", m.cfg.Group, err)
}

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/transport"
)

var _ transport.Maintenance = (*Cluster)(nil)

// Members implements [transport.Maintenance].
func (c *Cluster) Members(ctx context.Context, group string) ([]string, error) {
	return call(ctx, c.admin, "members of group "+group, func(conn *connection) ([]string, error) {
		groups, err := conn.DescribeConsumerGroups([]string{group})
		if err != nil {
			return nil, err
		}
		var members []string
		for _, g := range groups {
			if g.Err != sarama.ErrNoError && g.Err != sarama.ErrGroupIDNotFound {
				return nil, g.Err
			}
			for _, m := range g.Members {
				members = append(members, fmt.Sprintf("%s at %s", m.ClientId, m.ClientHost))
			}
		}
		return members, nil
	})
}

// SetGroupOffsets implements [transport.Maintenance].
func (c *Cluster) SetGroupOffsets(ctx context.Context, group string, offsets transport.Offsets) error {
	req := map[string]map[int32]sarama.OffsetAndMetadata{}
	for t, ps := range offsets {
		for p, o := range ps {
			if req[t] == nil {
				req[t] = map[int32]sarama.OffsetAndMetadata{}
			}
			req[t][p] = sarama.OffsetAndMetadata{Offset: o, LeaderEpoch: -1}
		}
	}
	if len(req) == 0 {
		return nil
	}
	_, err := call(ctx, c.admin, "set offsets of group "+group, func(conn *connection) (struct{}, error) {
		resp, err := conn.AlterConsumerGroupOffsets(group, req, nil)
		if err != nil {
			return struct{}{}, err
		}
		for t, ps := range resp.Errors {
			for p, err := range ps {
				if err != sarama.ErrNoError {
					return struct{}{}, fmt.Errorf("topic %s, partition %d: %w", t, p, err)
				}
			}
		}
		return struct{}{}, nil
	})
	return c.inUse(ctx, group, err)
}

// DeleteGroup implements [transport.Maintenance].
func (c *Cluster) DeleteGroup(ctx context.Context, group string) error {
	_, err := call(ctx, c.admin, "delete group "+group, func(conn *connection) (struct{}, error) {
		err := conn.DeleteConsumerGroup(group)
		if errors.Is(err, sarama.ErrGroupIDNotFound) {
			err = nil
		}
		return struct{}{}, err
	})
	return c.inUse(ctx, group, err)
}

// inUse names the members that are why a group cannot be changed. A coordinator
// that is asked to commit for a group with members answers that it knows no
// member without a name.
func (c *Cluster) inUse(ctx context.Context, group string, err error) error {
	if is(err, sarama.ErrNonEmptyGroup, sarama.ErrUnknownMemberId, sarama.ErrIllegalGeneration, sarama.ErrRebalanceInProgress) {
		members, _ := c.Members(ctx, group)
		return errors.Join(&transport.GroupInUseError{Group: group, Members: members}, err)
	}
	return err
}

// DeleteTopic implements [transport.Maintenance].
func (c *Cluster) DeleteTopic(ctx context.Context, topic string) error {
	what := "delete topic " + topic
	_, err := call(ctx, c.admin, what, func(conn *connection) (struct{}, error) {
		infos, err := conn.DescribeTopics([]string{topic})
		if err != nil || len(infos) == 0 || infos[0].Err == sarama.ErrUnknownTopicOrPartition {
			return struct{}{}, err
		}
		return struct{}{}, conn.ClusterAdmin.DeleteTopic(topic)
	})
	if err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return err
	}
	for n := 1; ; n++ { // brokers hear of it one after the other
		infos, err := c.Describe(ctx, topic)
		if err != nil || len(infos) == 0 {
			return err
		}
		if !wait(ctx, backoff(n)) {
			return fmt.Errorf("%s: it is still there: %w", what, context.Cause(ctx))
		}
	}
}

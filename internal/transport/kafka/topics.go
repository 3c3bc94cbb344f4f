package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/transport"
)

// Describe implements [transport.Admin]: two requests, however many topics. What
// producers write later may be as large as the topics allow.
func (c *Cluster) Describe(ctx context.Context, topics ...string) (map[string]transport.TopicInfo, error) {
	if len(topics) == 0 { // to Kafka, that means all
		return map[string]transport.TopicInfo{}, nil
	}
	infos, err := call(ctx, c.admin, "describe topics", func(conn *connection) (map[string]transport.TopicInfo, error) {
		metas, err := conn.DescribeTopics(topics)
		if err != nil {
			return nil, err
		}
		infos := map[string]transport.TopicInfo{}
		for _, m := range metas {
			switch m.Err {
			case sarama.ErrNoError:
			case sarama.ErrUnknownTopicOrPartition:
				continue
			default:
				return nil, fmt.Errorf("topic %s: %w", m.Name, m.Err)
			}
			info := transport.TopicInfo{Name: m.Name, ID: m.Uuid, Partitions: int32(len(m.Partitions)), Config: map[string]string{}}
			for _, p := range m.Partitions {
				info.Replication = max(info.Replication, int16(len(p.Replicas)))
			}
			infos[m.Name] = info
		}
		if err := conn.configs(infos); err != nil {
			return nil, err
		}
		return infos, nil
	})
	c.limits.learn(infos)
	return infos, err
}

// configs fills in the configurations. sarama's ClusterAdmin takes a request
// for each topic.
func (conn *connection) configs(infos map[string]transport.TopicInfo) error {
	if len(infos) == 0 {
		return nil
	}
	req := &sarama.DescribeConfigsRequest{Version: 1}
	for name := range infos {
		req.Resources = append(req.Resources, &sarama.ConfigResource{Type: sarama.TopicResource, Name: name})
	}
	b := conn.client.LeastLoadedBroker()
	if b == nil {
		return sarama.ErrOutOfBrokers
	}
	resp, err := b.DescribeConfigs(req)
	if err != nil {
		return fmt.Errorf("configurations: %w", err)
	}
	for _, r := range resp.Resources {
		switch err := sarama.KError(r.ErrorCode); err {
		case sarama.ErrNoError:
			if info, ok := infos[r.Name]; ok {
				for _, e := range r.Configs {
					info.Config[e.Name] = e.Value
				}
			}
		case sarama.ErrUnknownTopicOrPartition:
			delete(infos, r.Name) // deleted meanwhile
		default:
			return fmt.Errorf("topic %s: configuration: %w", r.Name, err)
		}
	}
	return nil
}

// Create implements [transport.Admin]. It returns once the topic's partitions
// have leaders and every broker that answers knows of the topic: a broker hears
// of it a moment after the controller made it, and denies it until then. That
// holds for a topic too that exists already, which may be as new.
func (c *Cluster) Create(ctx context.Context, s transport.TopicSpec) error {
	what := "create topic " + s.Name
	detail := &sarama.TopicDetail{NumPartitions: s.Partitions, ReplicationFactor: s.Replication, ConfigEntries: map[string]*string{}}
	if s.Replication == 0 {
		detail.ReplicationFactor = -1 // the cluster's default (KIP-464)
	}
	for k, v := range s.Config {
		detail.ConfigEntries[k] = &v
	}
	unanswered := false // an attempt may have created it all the same
	_, err := call(ctx, c.admin, what, func(conn *connection) (struct{}, error) {
		err := conn.CreateTopic(s.Name, detail, false)
		if errors.Is(err, sarama.ErrTopicAlreadyExists) && unanswered {
			err = nil
		}
		unanswered = unanswered || unreachable(err) || errors.Is(err, sarama.ErrRequestTimedOut)
		return struct{}{}, err
	})
	exists := errors.Is(err, sarama.ErrTopicAlreadyExists)
	if err != nil && !exists {
		return err
	}
	began := time.Now()
	_, err = call(ctx, c.admin, what+": wait for its leaders", func(conn *connection) (struct{}, error) {
		return struct{}{}, conn.known(s.Name, time.Since(began) < knownWithin)
	})
	if err == nil && exists {
		err = fmt.Errorf("topic %s: %w", s.Name, transport.ErrTopicExists)
	}
	return err
}

// knownWithin bounds how long Create waits for the last broker to hear of a
// topic. One that takes longer is cut off from its controller.
const knownWithin = 15 * time.Second

// known returns nil once the partitions of a topic have leaders that answer and,
// if all is set, no broker that answers denies the topic. Its errors are such that pass.
func (conn *connection) known(topic string, all bool) error {
	err := conn.client.RefreshMetadata(topic)
	if all && errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return sarama.ErrLeaderNotAvailable // from a broker that has not heard of it
	}
	if err != nil {
		return err
	}
	partitions, err := conn.client.Partitions(topic)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		if _, err := conn.client.Leader(topic, p); err != nil {
			return err
		}
		// A leader may not lead yet: it refuses what is written to it, of which
		// nobody hears who writes without acknowledgements.
		_, err := conn.client.GetOffset(topic, p, sarama.OffsetNewest)
		if all && is(err, sarama.ErrUnknownTopicOrPartition, sarama.ErrNotLeaderForPartition) {
			return sarama.ErrLeaderNotAvailable
		}
		if err != nil {
			return err
		}
	}
	if !all {
		return nil
	}
	config := conn.client.Config()
	for _, b := range conn.client.Brokers() {
		_ = b.Open(config) // that it is open already is no error here, and others show below
		resp, err := b.GetMetadata(sarama.NewMetadataRequest(config.Version, []string{topic}))
		if err != nil {
			continue // a broker that is down is asked by nobody
		}
		for _, t := range resp.Topics {
			if t.Err != sarama.ErrNoError || len(t.Partitions) < len(partitions) {
				return sarama.ErrLeaderNotAvailable
			}
		}
	}
	return nil
}

// Bounds implements [transport.Admin].
func (c *Cluster) Bounds(ctx context.Context, tp transport.TopicPartition) (first, end int64, err error) {
	what := fmt.Sprintf("offsets of topic %s, partition %d", tp.Topic, tp.Partition)
	bounds, err := call(ctx, c.admin, what, func(conn *connection) (b [2]int64, err error) {
		if b[0], err = conn.client.GetOffset(tp.Topic, tp.Partition, sarama.OffsetOldest); err == nil {
			b[1], err = conn.client.GetOffset(tp.Topic, tp.Partition, sarama.OffsetNewest)
		}
		if err != nil && !unreachable(err) { // the leader may have moved
			_ = conn.client.RefreshMetadata(tp.Topic)
		}
		return b, err
	})
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		err = fmt.Errorf("%w: %w", err, transport.ErrUnknownTopic)
	}
	return bounds[0], bounds[1], err
}

// OffsetAt implements [transport.Admin].
func (c *Cluster) OffsetAt(ctx context.Context, tp transport.TopicPartition, at time.Time) (int64, error) {
	what := fmt.Sprintf("offset of topic %s, partition %d, at %s", tp.Topic, tp.Partition, at)
	offset, err := call(ctx, c.admin, what, func(conn *connection) (int64, error) {
		// Negative times have meanings of their own to Kafka, and no record.
		o, err := conn.client.GetOffset(tp.Topic, tp.Partition, max(0, at.UnixMilli()))
		if err == nil && o < 0 { // no record is as young
			o, err = conn.client.GetOffset(tp.Topic, tp.Partition, sarama.OffsetNewest)
		}
		if err != nil && !unreachable(err) { // the leader may have moved
			_ = conn.client.RefreshMetadata(tp.Topic)
		}
		return o, err
	})
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		err = fmt.Errorf("%w: %w", err, transport.ErrUnknownTopic)
	}
	return offset, err
}

// GroupOffsets implements [transport.Admin]: it returns the offsets that a group has committed; empty for a group
// that has none or does not exist.
func (c *Cluster) GroupOffsets(ctx context.Context, group string) (transport.Offsets, error) {
	return call(ctx, c.admin, "offsets of group "+group, func(conn *connection) (transport.Offsets, error) {
		resp, err := conn.ListConsumerGroupOffsets(group, nil)
		if errors.Is(err, sarama.ErrGroupIDNotFound) || err == nil && resp.Err == sarama.ErrGroupIDNotFound {
			return transport.Offsets{}, nil
		}
		if err != nil {
			return nil, err
		}
		if resp.Err != sarama.ErrNoError {
			return nil, resp.Err
		}
		offsets := transport.Offsets{}
		for topic, ps := range resp.Blocks {
			for p, b := range ps {
				if b.Err != sarama.ErrNoError {
					return nil, fmt.Errorf("topic %s, partition %d: %w", topic, p, b.Err)
				}
				if b.Offset < 0 {
					continue
				}
				if offsets[topic] == nil {
					offsets[topic] = map[int32]int64{}
				}
				offsets[topic][p] = b.Offset
			}
		}
		return offsets, nil
	})
}

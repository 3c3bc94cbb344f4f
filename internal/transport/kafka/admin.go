package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/transport"
)

// adminAttempts is how often an administrative request is tried when a broker
// is away or still learning what it needs to know.
const adminAttempts = 8

// withAdmin runs a request, and again on a new connection when the old one
// broke.
func (c *Cluster) withAdmin(ctx context.Context, what string, f func(sarama.ClusterAdmin, sarama.Client) error) error {
	var err error
	for attempt := range adminAttempts {
		if attempt > 0 {
			select {
			case <-time.After(min(50*time.Millisecond<<attempt, time.Second)):
			case <-ctx.Done():
				return errors.Join(c.explain(what, err), context.Cause(ctx))
			}
		}
		if err = c.tryAdmin(f); err == nil || !transient(err) {
			break
		}
		if unreachable(err) {
			c.mu.Lock()
			_ = c.dropAdmin()
			c.mu.Unlock()
		}
	}
	return c.explain(what, err)
}

func (c *Cluster) tryAdmin(f func(sarama.ClusterAdmin, sarama.Client) error) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return transport.ErrClosed
	}
	if c.admin == nil {
		client, err := sarama.NewClient(c.cfg.Brokers, c.saramaConfig())
		if err != nil {
			c.mu.Unlock()
			return err
		}
		admin, err := sarama.NewClusterAdminFromClient(client)
		if err != nil {
			c.mu.Unlock()
			return errors.Join(err, client.Close())
		}
		c.admin, c.client = admin, client
	}
	admin, client := c.admin, c.client
	c.mu.Unlock()
	return f(admin, client)
}

func (c *Cluster) saramaConfig() *sarama.Config {
	sc := sarama.NewConfig()
	sc.Version = sarama.V3_6_0_0
	if c.cfg.ClientID != "" {
		sc.ClientID = c.cfg.ClientID
	}
	sc.Metadata.Retry.Max = 1
	sc.Metadata.AllowAutoTopicCreation = false
	sc.Net.DialTimeout = 5 * time.Second
	sc.Admin.Timeout = 15 * time.Second
	return sc
}

func (c *Cluster) dropAdmin() error {
	if c.admin == nil {
		return nil
	}
	err := c.admin.Close()
	if errors.Is(err, sarama.ErrClosedClient) {
		err = nil
	}
	c.admin, c.client = nil, nil
	return err
}

// transient says whether the same request may succeed a little later.
func transient(err error) bool {
	for _, k := range []error{sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrNotController,
		sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable, sarama.ErrUnknownTopicOrPartition,
		sarama.ErrNotEnoughReplicas, sarama.ErrInvalidReplicationFactor} {
		if errors.Is(err, k) {
			return true
		}
	}
	return unreachable(err)
}

// Describe implements transport.Admin.
func (c *Cluster) Describe(ctx context.Context, topics ...string) (map[string]transport.TopicInfo, error) {
	infos := map[string]transport.TopicInfo{}
	if len(topics) == 0 {
		return infos, nil
	}
	err := c.withAdmin(ctx, "describe topics", func(a sarama.ClusterAdmin, _ sarama.Client) error {
		clear(infos)
		metas, err := a.DescribeTopics(topics)
		if err != nil {
			return err
		}
		for _, m := range metas {
			if m.Err == sarama.ErrUnknownTopicOrPartition {
				continue
			}
			if m.Err != sarama.ErrNoError {
				return fmt.Errorf("topic %s: %w", m.Name, m.Err)
			}
			info := transport.TopicInfo{Name: m.Name, ID: m.Uuid, Partitions: int32(len(m.Partitions)), Config: map[string]string{}}
			for _, p := range m.Partitions {
				info.Replication = int16(len(p.Replicas))
			}
			entries, err := a.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: m.Name})
			if err != nil {
				return fmt.Errorf("topic %s: configuration: %w", m.Name, err)
			}
			for _, e := range entries {
				info.Config[e.Name] = e.Value
			}
			infos[m.Name] = info
		}
		return nil
	})
	return infos, err
}

// Create implements transport.Admin. It returns once the topic has leaders.
func (c *Cluster) Create(ctx context.Context, s transport.TopicSpec) error {
	detail := &sarama.TopicDetail{NumPartitions: s.Partitions, ReplicationFactor: s.Replication, ConfigEntries: map[string]*string{}}
	if s.Replication == 0 {
		detail.ReplicationFactor = -1 // the cluster's default (KIP-464)
	}
	for k, v := range s.Config {
		detail.ConfigEntries[k] = &v
	}
	what := "create topic " + s.Name
	created := false
	err := c.withAdmin(ctx, what, func(a sarama.ClusterAdmin, _ sarama.Client) error {
		err := a.CreateTopic(s.Name, detail, false)
		if errors.Is(err, sarama.ErrTopicAlreadyExists) && created {
			return nil // by an attempt whose answer was lost
		}
		created = true
		return err
	})
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return fmt.Errorf("topic %s: %w", s.Name, transport.ErrTopicExists)
	}
	if err != nil {
		return err
	}
	return c.withAdmin(ctx, what, func(_ sarama.ClusterAdmin, client sarama.Client) error {
		if err := client.RefreshMetadata(s.Name); err != nil {
			return err
		}
		for p := range s.Partitions {
			if _, err := client.Leader(s.Name, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Bounds implements transport.Admin.
func (c *Cluster) Bounds(ctx context.Context, tp transport.TopicPartition) (first, end int64, err error) {
	what := fmt.Sprintf("offsets of topic %s, partition %d", tp.Topic, tp.Partition)
	err = c.withAdmin(ctx, what, func(_ sarama.ClusterAdmin, client sarama.Client) error {
		var err error
		if first, err = client.GetOffset(tp.Topic, tp.Partition, sarama.OffsetOldest); err == nil {
			end, err = client.GetOffset(tp.Topic, tp.Partition, sarama.OffsetNewest)
		}
		if err != nil && transient(err) {
			_ = client.RefreshMetadata(tp.Topic)
		}
		return err
	})
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		err = fmt.Errorf("%w: %w", err, transport.ErrUnknownTopic)
	}
	return first, end, err
}

// Committed returns the offsets that a group has committed.
func (c *Cluster) Committed(ctx context.Context, group string) (transport.Offsets, error) {
	offsets := transport.Offsets{}
	err := c.withAdmin(ctx, "offsets of group "+group, func(a sarama.ClusterAdmin, _ sarama.Client) error {
		clear(offsets)
		resp, err := a.ListConsumerGroupOffsets(group, nil)
		if err != nil {
			return err
		}
		for topic, ps := range resp.Blocks {
			for p, b := range ps {
				if b.Offset < 0 {
					continue
				}
				if offsets[topic] == nil {
					offsets[topic] = map[int32]int64{}
				}
				offsets[topic][p] = b.Offset
			}
		}
		return nil
	})
	return offsets, err
}

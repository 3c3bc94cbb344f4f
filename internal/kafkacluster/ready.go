//go:build unix

package kafkacluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pollInterval is how often a question that a broker answered with "not yet" is put again.
const pollInterval = 50 * time.Millisecond

// ask puts one request to one broker, with a connection of its own and without retries.
func ask[R any](ctx context.Context, n *node, req kmsg.Request) (R, error) {
	var none R
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second) // a paused broker accepts and does not answer
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(n.address()))
	if err != nil {
		return none, err
	}
	defer client.Close()
	res, err := client.SeedBrokers()[0].Request(ctx, req)
	if err != nil {
		return none, fmt.Errorf("broker %d: %w", n.id, err)
	}
	r, ok := res.(R)
	if !ok {
		return none, fmt.Errorf("broker %d answered with a %T", n.id, res)
	}
	return r, nil
}

// poll calls check until it returns nil. It ends early when one of the members dies or the context ends; the
// error then names the last answer of check. Members that are ended or paused meanwhile no longer count.
func poll(ctx context.Context, what string, members []*member, check func([]*member) error) error {
	t := time.NewTicker(pollInterval)
	defer t.Stop()
	for {
		if len(members) == 0 {
			return errNoneRunning
		}
		err := check(members)
		if err == nil {
			return nil
		}
		members = slices.DeleteFunc(members, (*member).gone)
		for _, m := range members {
			if !m.proc.alive() && !m.gone() {
				return m.death(m.proc.exitErr())
			}
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("kafkacluster: waiting until %s: %w; last: %w", what, context.Cause(ctx), err)
		}
	}
}

// A member is a node that ran when a wait began, with the process that it had.
type member struct {
	*node
	proc    process
	cluster *Cluster
}

// gone tells whether the member was ended or paused on request since.
func (m *member) gone() bool {
	m.cluster.mu.Lock()
	defer m.cluster.mu.Unlock()
	return m.node.proc != m.proc || m.paused
}

// registered returns nil once each of the members lists all of them as brokers and knows the controllers'
// leader.
func registered(ctx context.Context, members []*member) error {
	for _, m := range members {
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
		res, err := ask[*kmsg.MetadataResponse](ctx, m.node, req)
		if err != nil {
			return err
		}
		listed := make(map[int]bool, len(res.Brokers))
		for _, b := range res.Brokers {
			listed[int(b.NodeID)] = true
		}
		for _, other := range members {
			if !listed[other.id] {
				return fmt.Errorf("broker %d does not list broker %d yet", m.id, other.id)
			}
		}
		if _, err := quorumLeader(ctx, m.node); err != nil {
			return err
		}
	}
	return nil
}

// quorumLeader asks a broker which controller leads.
func quorumLeader(ctx context.Context, n *node) (int, error) {
	p := kmsg.NewDescribeQuorumRequestTopicPartition()
	t := kmsg.NewDescribeQuorumRequestTopic()
	t.Topic, t.Partitions = "__cluster_metadata", append(t.Partitions, p)
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, t)
	res, err := ask[*kmsg.DescribeQuorumResponse](ctx, n, req)
	if err != nil {
		return 0, err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return 0, fmt.Errorf("broker %d: describing the controllers: %w", n.id, err)
	}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return 0, fmt.Errorf("broker %d: describing the controllers: %w", n.id, err)
			}
			if p.LeaderID >= 0 {
				return int(p.LeaderID), nil
			}
		}
	}
	return 0, fmt.Errorf("broker %d: no controller leads yet", n.id)
}

// coordinated returns nil once groups and transactions have coordinators: it makes the cluster create their
// topics, so that the first user does not wait for that.
func coordinated(ctx context.Context, members []*member) error {
	n := members[0].node
	for kind, name := range []string{"groups", "transactions"} {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorType = int8(kind)
		req.CoordinatorKey = "ready"
		req.CoordinatorKeys = []string{"ready"}
		res, err := ask[*kmsg.FindCoordinatorResponse](ctx, n, req)
		if err != nil {
			return err
		}
		codes := []int16{res.ErrorCode}
		for _, c := range res.Coordinators {
			codes = append(codes, c.ErrorCode)
		}
		for _, code := range codes {
			if err := kerr.ErrorForCode(code); err != nil {
				return fmt.Errorf("broker %d: coordinator of %s: %w", n.id, name, err)
			}
		}
	}
	return nil
}

// inSync returns nil once every partition has a leader and all its replicas in sync, in the eyes of every
// one of the members.
func inSync(ctx context.Context, members []*member) error {
	for _, m := range members {
		res, err := ask[*kmsg.MetadataResponse](ctx, m.node, kmsg.NewPtrMetadataRequest())
		if err != nil {
			return err
		}
		for _, t := range res.Topics {
			name := "?"
			if t.Topic != nil {
				name = *t.Topic
			}
			for _, p := range t.Partitions {
				if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
					return fmt.Errorf("broker %d: %s/%d has leader %d and in-sync replicas %v of %v",
						m.id, name, p.Partition, p.Leader, p.ISR, p.Replicas)
				}
			}
		}
	}
	return nil
}

var errNoneRunning = errors.New("kafkacluster: no broker is running")

package kafka

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// copartitioned is the assignment protocol of our groups, on Kafka's classic
// group protocol. It is cooperative (KIP-429): members keep processing during a
// rebalance, what has to move is revoked by its owner in a first round and
// given to the new one in a second. Who gets what is in assign.go.
type copartitioned struct{}

var (
	_ kgo.GroupBalancer           = copartitioned{}
	_ kgo.ConsumerBalancerBalance = copartitioned{}
)

// ProtocolName implements kgo.GroupBalancer. The name ends in a version, to be
// raised when the assignment changes such that leaders of two versions would
// take turns in moving partitions.
func (copartitioned) ProtocolName() string { return "millrace-copartitioned-v1" }

// IsCooperative implements kgo.GroupBalancer.
func (copartitioned) IsCooperative() bool { return true }

// JoinGroupMetadata implements kgo.GroupBalancer. It writes the consumer
// protocol's subscription of version 3 (KIP-792): with the partitions that the
// member owns and the generation in which it got them.
func (copartitioned) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = topics
	meta.Generation = generation
	for _, topic := range slices.Sorted(maps.Keys(current)) {
		owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
		owned.Topic = topic
		owned.Partitions = slices.Sorted(slices.Values(current[topic]))
		meta.OwnedPartitions = append(meta.OwnedPartitions, owned)
	}
	return meta.AppendTo(nil)
}

// ParseSyncAssignment implements kgo.GroupBalancer.
func (copartitioned) ParseSyncAssignment(b []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(b)
}

// MemberBalancer implements kgo.GroupBalancer.
func (c copartitioned) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(c, members)
	if err != nil {
		return nil, nil, err
	}
	return b, b.MemberTopics(), nil
}

// Balance implements kgo.ConsumerBalancerBalance.
func (copartitioned) Balance(b *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	var members []candidate
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		c := candidate{id: m.MemberID, topics: meta.Topics, generation: meta.Generation, owned: map[string][]int32{}}
		for _, o := range meta.OwnedPartitions {
			c.owned[o.Topic] = append(c.owned[o.Topic], o.Partitions...)
		}
		members = append(members, c)
	})
	plan := b.NewPlan()
	for i, topics := range assign(members, counts) {
		m, _ := b.MemberAt(i)
		for topic, ps := range topics {
			plan.AddPartitions(m, topic, ps)
		}
	}
	// Takes from the plan what another member still has: that member revokes
	// it now and joins again, and the next plan can give it away.
	plan.AdjustCooperative(b)
	return plan
}

package kafka

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// copartitioned is the assignment protocol of our groups, on Kafka's classic
// group protocol. It is cooperative (KIP-429): members keep processing during a
// rebalance, what has to move is revoked by its owner in a first round and
// given to the new one in a second. Who gets what is in assign.go.
//
// It is the member's own: what it tells of its standbys, and is told, goes
// through GroupConfig.
type copartitioned struct {
	standbys int
	held     func() map[int32]transport.Held
	standby  func([]int32)
	watched  *watched // what others watch this member by, if they can
	warn     func(what string, err error)
}

func (m *member) balancer() copartitioned {
	c := copartitioned{standbys: m.cfg.Standbys, held: m.cfg.Held, standby: m.cfg.Standby}
	if l := m.c.peers; l != nil && m.cfg.InstanceID == "" {
		c.watched = &watched{l.Peer(), m.cfg.TransactionalID}
	}
	c.warn = func(what string, err error) {
		m.c.cfg.Logger.Warn("kafka: "+what+"; there are no standbys of it", "group", m.cfg.Group, "error", err)
	}
	return c
}

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
// member owns and the generation in which it got them. A member without standbys
// and peers writes what it wrote before there were any.
func (c copartitioned) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
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
	if c.standbys > 0 || c.watched != nil {
		var held map[int32]transport.Held
		if c.standbys > 0 {
			held = c.held()
		}
		meta.UserData = subscriptionData(c.standbys, held)
	}
	if c.watched != nil {
		meta.UserData = c.watched.append(meta.UserData)
	}
	return meta.AppendTo(nil)
}

// ParseSyncAssignment implements kgo.GroupBalancer. franz-go calls it once in
// each rebalance, before anything is revoked or assigned.
func (c copartitioned) ParseSyncAssignment(b []byte) (map[string][]int32, error) {
	a, err := kgo.ParseConsumerSyncAssignment(b)
	if err == nil && c.standbys > 0 {
		numbers, err := assignmentOf(b)
		if err != nil {
			c.warn("the assignment of standbys cannot be read", err)
		}
		c.standby(numbers)
	}
	return a, err
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
func (c copartitioned) Balance(b *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	var members []candidate
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		cand := candidate{id: m.MemberID, topics: meta.Topics, generation: meta.Generation, owned: map[string][]int32{}}
		for _, o := range meta.OwnedPartitions {
			cand.owned[o.Topic] = append(cand.owned[o.Topic], o.Partitions...)
		}
		var err error
		if cand.standbys, cand.held, err = readSubscriptionData(meta.UserData); err != nil {
			c.warn("the subscription of member "+m.MemberID+" cannot be read", err)
		}
		members = append(members, cand)
	})
	plan := b.NewPlan()
	assigned, copies := assign(members, counts)
	for i, topics := range assigned {
		m, _ := b.MemberAt(i)
		for topic, ps := range topics {
			plan.AddPartitions(m, topic, slices.Clone(ps))
		}
	}
	// Takes from the plan what another member still has: that member revokes
	// it now and joins again, and the next plan can give it away.
	plan.AdjustCooperative(b)
	p := planWithStandbys{plan, map[string][]int32{}}
	now := plan.AsMemberIDMap()
	for i, m := range members {
		if m.standbys > 0 {
			p.standbys[m.id] = union(copies[i], later(assigned[i], now[m.id]))
		}
	}
	return p
}

// later are the numbers of partitions that a member is going to own and is not
// given yet: a standby of them that it has is to stay until then.
func later(planned, now map[string][]int32) (numbers []int32) {
	for topic, ps := range planned {
		for _, p := range ps {
			if !slices.Contains(now[topic], p) {
				numbers = append(numbers, p)
			}
		}
	}
	return numbers
}

func union(a, b []int32) []int32 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// planWithStandbys adds the standbys of each member to its assignment.
type planWithStandbys struct {
	plan     *kgo.BalancePlan
	standbys map[string][]int32 // by member id; those without standbys are absent
}

// IntoSyncAssignment implements kgo.IntoSyncAssignment.
func (p planWithStandbys) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment {
	all := p.plan.IntoSyncAssignment()
	for i, a := range all {
		numbers, ok := p.standbys[a.MemberID]
		if !ok {
			continue
		}
		var assignment kmsg.ConsumerMemberAssignment
		if err := assignment.ReadFrom(a.MemberAssignment); err != nil {
			continue // it was written a line ago
		}
		assignment.UserData = assignmentData(numbers)
		all[i].MemberAssignment = assignment.AppendTo(nil)
	}
	return all
}

package kafka

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// copartitioned is the assignment strategy of our groups. Partition i of every
// topic goes to one member, since they are one task with one state. It is
// sticky: a member keeps what it has as long as it has no more than its share;
// and cooperative (KIP-429): what moves is revoked first, and the rest goes on.
type copartitioned struct{}

var _ kgo.GroupBalancer = (*copartitioned)(nil)

// ProtocolName implements kgo.GroupBalancer.
func (*copartitioned) ProtocolName() string { return "millrace-copartitioned" }

// IsCooperative implements kgo.GroupBalancer.
func (*copartitioned) IsCooperative() bool { return true }

// JoinGroupMetadata implements kgo.GroupBalancer: the consumer protocol's
// metadata, which tell what the member owns.
func (*copartitioned) JoinGroupMetadata(topics []string, current map[string][]int32, generation int32) []byte {
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
func (*copartitioned) ParseSyncAssignment(b []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(b)
}

// MemberBalancer implements kgo.GroupBalancer.
func (c *copartitioned) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(c, members)
	return b, b.MemberTopics(), err
}

// Balance implements kgo.ConsumerBalancerBalance.
func (*copartitioned) Balance(b *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	var members []balanceMember
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		bm := balanceMember{ref: m, id: m.MemberID, topics: meta.Topics, owned: map[int32]bool{}, generation: meta.Generation}
		for _, o := range meta.OwnedPartitions {
			for _, p := range o.Partitions {
				bm.owned[p] = true
			}
		}
		members = append(members, bm)
	})
	plan := b.NewPlan()
	for _, a := range assign(members, counts) {
		for topic, ps := range a.topics {
			plan.AddPartitions(members[a.member].ref, topic, ps)
		}
	}
	plan.AdjustCooperative(b)
	return plan
}

type balanceMember struct {
	ref        *kmsg.JoinGroupResponseMember
	id         string
	topics     []string
	owned      map[int32]bool // partition numbers
	generation int32          // in which it owned them
}

type assigned struct {
	member int
	topics map[string][]int32
}

// assign gives each partition number to one of the members. Members that ask
// for other topics than most, as during an upgrade that adds an input, get
// numbers like the others; the partitions of a topic that the owner of their
// number did not ask for go to the one with the fewest that did.
func assign(members []balanceMember, counts map[string]int32) []assigned {
	n := int32(0)
	wanted := map[string]bool{}
	for _, m := range members {
		for _, t := range m.topics {
			n = max(n, counts[t])
			wanted[t] = true
		}
	}
	order := make([]int, len(members)) // by id: the same for every leader
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(members[a].id, members[b].id) })

	owner := make([]int, n)
	held := make([]int, len(members))
	for p := range n { // the newest claim counts: an older one is of a member that missed a rebalance
		owner[p] = -1
		for _, i := range order {
			if members[i].owned[p] && (owner[p] < 0 || members[i].generation > members[owner[p]].generation) {
				owner[p] = i
			}
		}
		if owner[p] >= 0 {
			held[owner[p]]++
		}
	}
	// Shares differ by at most one; those that hold most get the larger ones.
	byHeld := slices.Clone(order)
	slices.SortStableFunc(byHeld, func(a, b int) int { return held[b] - held[a] })
	share := make([]int, len(members))
	for k, i := range byHeld {
		share[i] = int(n) / len(members)
		if k < int(n)%len(members) {
			share[i]++
		}
	}
	var free []int32
	for p := n - 1; p >= 0; p-- {
		if i := owner[p]; i < 0 || held[i] > share[i] {
			if i >= 0 {
				held[i]--
			}
			free = append(free, p)
		}
	}
	slices.Sort(free)
	for _, i := range order {
		for held[i] < share[i] {
			owner[free[0]] = i
			free = free[1:]
			held[i]++
		}
	}
	out := make([]assigned, len(members))
	load := make([]int, len(members))
	for i := range out {
		out[i] = assigned{i, map[string][]int32{}}
	}
	for _, topic := range slices.Sorted(maps.Keys(wanted)) {
		for p := range counts[topic] {
			i := owner[p]
			if !slices.Contains(members[i].topics, topic) {
				i = leastLoaded(members, order, load, topic)
			}
			load[i]++
			out[i].topics[topic] = append(out[i].topics[topic], p)
		}
	}
	return out
}

func leastLoaded(members []balanceMember, order, load []int, topic string) int {
	best := -1
	for _, i := range order {
		if slices.Contains(members[i].topics, topic) && (best < 0 || load[i] < load[best]) {
			best = i
		}
	}
	return best
}

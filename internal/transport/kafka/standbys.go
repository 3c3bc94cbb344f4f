package kafka

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/standbys"
)

// Standbys are assigned with the partitions: members tell in the user data of
// their subscriptions what state they have, and the leader tells them in that of
// their assignments of which numbers they are to keep a standby. Who has no
// standbys configured, or is of a version before them, has no user data.

// firm returns the numbers in the order in which they are to stay where they
// are: those last of which a member that does not claim them has the state.
func (a *assigner) firm() []int {
	rank := make([]int, len(a.owner)) // 0: nobody else has it; 1: something is left of it; 2: a standby
	order := make([]int, len(a.owner))
	for p := range order {
		order[p] = p
		for _, i := range a.order {
			h, ok := a.members[i].held[int32(p)]
			if !ok || slices.ContainsFunc(a.claims[p], func(c claim) bool { return c.member == i }) {
				continue
			}
			rank[p] = max(rank[p], 1)
			if h.Running {
				rank[p] = 2
			}
		}
	}
	slices.SortStableFunc(order, func(p, q int) int { return cmp.Compare(rank[p], rank[q]) })
	return order
}

// replace gives numbers without an owner to members that have their state.
func (a *assigner) replace() {
	var free []int32
	for p, i := range a.owner {
		if i < 0 {
			free = append(free, int32(p))
		}
	}
	found := standbys.Match(free, a.takers(), a.roomWith)
	for _, p := range free {
		if k, ok := found[p]; ok {
			a.own(a.order[k], int(p))
		}
	}
}

// roomWith is room for member order[k], when those of order have so many more.
func (a *assigner) roomWith(k int, more []int) bool {
	n := len(a.numbers[a.order[k]]) + more[k]
	if n != a.share {
		return n < a.share
	}
	larger := 0
	for l, j := range a.order {
		if len(a.numbers[j])+more[l] > a.share {
			larger++
		}
	}
	return larger < a.larger
}

// takers are the members of order, as they take part in the placing of standbys.
func (a *assigner) takers() []standbys.Member {
	ms := make([]standbys.Member, len(a.order))
	for k, i := range a.order {
		ms[k] = standbys.Member{Takes: a.members[i].standbys > 0, Held: maps.Clone(a.members[i].held)}
	}
	return ms
}

// standbys places the standbys. Who has lost a number in this rebalance has its
// newest state.
func (a *assigner) standbys() [][]int32 {
	out := make([][]int32, len(a.members))
	ms, owner, n := a.takers(), make([]int, len(a.owner)), 0
	for k, i := range a.order {
		n = max(n, a.members[i].standbys)
		for p := range a.owner {
			switch {
			case a.owner[p] == i:
				owner[p] = k
			case len(a.claims[p]) > 0 && a.claims[p][0].member == i && ms[k].Takes:
				if ms[k].Held == nil {
					ms[k].Held = map[int32]transport.Held{}
				}
				ms[k].Held[int32(p)] = transport.Held{Position: math.MaxInt64, Running: true}
			}
		}
	}
	for k, numbers := range standbys.Place(owner, ms, n) {
		out[a.order[k]] = numbers
	}
	return out
}

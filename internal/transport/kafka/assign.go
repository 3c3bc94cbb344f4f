package kafka

import (
	"cmp"
	"maps"
	"slices"
)

// candidate is a member of a group when its partitions are assigned.
type candidate struct {
	id         string
	topics     []string           // that it asks for
	owned      map[string][]int32 // partitions that it says it has
	generation int32              // of the group, in which it got them; -1 if it does not know
}

// assign returns the partitions of each member. counts has the number of
// partitions of each topic that exists.
//
// Partition i of all topics goes to one member: it is one task with one state.
// The unit that is assigned is thus the partition's number. Members that ask
// for any topic get equal shares of the numbers, give or take one. A member
// keeps the numbers that it has as long as they are no more than its share, so
// that as few move as can be. The result depends on the members and counts
// only, not on the order of the members or on maps: whoever leads the group
// comes to the same.
//
// During an upgrade that adds or removes an input, members ask for different
// topics. The partitions that the owner of a number did not ask for go
// together to another member that did.
func assign(members []candidate, counts map[string]int32) []map[string][]int32 {
	a := newAssigner(members, counts)
	if len(a.order) > 0 {
		a.settleShares()
		a.giveOut()
	}
	return a.out
}

type assigner struct {
	members []candidate
	counts  map[string]int32
	wants   []map[string]bool // by member: the topics that it asks for and that exist
	topics  []string          // that anybody wants, sorted
	order   []int             // the members that want anything, by id
	owner   []int             // by partition number; -1 none yet
	held    []int             // by member: numbers
	load    []int             // by member: partitions
	out     []map[string][]int32
}

func newAssigner(members []candidate, counts map[string]int32) *assigner {
	a := &assigner{members: members, counts: counts,
		wants: make([]map[string]bool, len(members)),
		held:  make([]int, len(members)),
		load:  make([]int, len(members)),
		out:   make([]map[string][]int32, len(members)),
	}
	wanted, numbers := map[string]bool{}, int32(0)
	for i, m := range members {
		a.wants[i], a.out[i] = map[string]bool{}, map[string][]int32{}
		for _, t := range m.topics {
			if counts[t] > 0 {
				a.wants[i][t], wanted[t] = true, true
				numbers = max(numbers, counts[t])
			}
		}
		if len(a.wants[i]) > 0 {
			a.order = append(a.order, i)
		}
	}
	a.topics = slices.Sorted(maps.Keys(wanted))
	slices.SortFunc(a.order, func(x, y int) int { return cmp.Compare(members[x].id, members[y].id) })
	a.owner = a.claims(int(numbers))
	return a
}

// claims returns who has each number now. The newest generation counts: an
// older claim is that of a member that missed a rebalance. Among equals the
// one with most topics of the number has it.
func (a *assigner) claims(numbers int) []int {
	type claim struct {
		generation int32
		topics     int
	}
	owner, best := make([]int, numbers), make([]claim, numbers)
	for p := range owner {
		owner[p] = -1
	}
	for _, i := range a.order {
		topics := make(map[int32]int)
		for t, ps := range a.members[i].owned {
			for _, p := range ps {
				if a.wants[i][t] && p >= 0 && p < a.counts[t] {
					topics[p]++
				}
			}
		}
		for p, n := range topics {
			c := claim{a.members[i].generation, n}
			if owner[p] < 0 || c.generation > best[p].generation || c.generation == best[p].generation && c.topics > best[p].topics {
				owner[p], best[p] = i, c
			}
		}
	}
	return owner
}

// settleShares lets every number have an owner, moving as few as can be.
func (a *assigner) settleShares() {
	for _, i := range a.owner {
		if i >= 0 {
			a.held[i]++
		}
	}
	// Shares differ by one at most; the larger ones go to those that have most.
	byHeld := slices.Clone(a.order)
	slices.SortStableFunc(byHeld, func(x, y int) int { return cmp.Compare(a.held[y], a.held[x]) })
	share := make([]int, len(a.members))
	for k, i := range byHeld {
		share[i] = len(a.owner) / len(byHeld)
		if k < len(a.owner)%len(byHeld) {
			share[i]++
		}
	}
	var free []int
	for p, i := range slices.Backward(a.owner) {
		if i < 0 || a.held[i] > share[i] {
			if i >= 0 {
				a.held[i]--
			}
			free = append(free, p)
		}
	}
	for _, i := range a.order {
		for a.held[i] < share[i] {
			last := len(free) - 1
			a.owner[free[last]], free = i, free[:last]
			a.held[i]++
		}
	}
}

// giveOut assigns the partitions of each number.
func (a *assigner) giveOut() {
	for n, i := range a.owner {
		p := int32(n)
		rest := a.give(i, p, slices.DeleteFunc(slices.Clone(a.topics), func(t string) bool { return p >= a.counts[t] }))
		for len(rest) > 0 {
			rest = a.give(a.substitute(p, rest), p, rest)
		}
	}
}

// give assigns to a member what it wants of partition p of topics, and returns
// the rest.
func (a *assigner) give(i int, p int32, topics []string) (rest []string) {
	for _, t := range topics {
		if !a.wants[i][t] {
			rest = append(rest, t)
			continue
		}
		a.out[i][t] = append(a.out[i][t], p)
		a.load[i]++
	}
	return rest
}

// substitute chooses who gets partition p of topics that the owner of the
// number does not want: who wants most of them, has most of them already, and
// has least else.
func (a *assigner) substitute(p int32, topics []string) int {
	best, bestWants, bestHas := -1, 0, 0
	for _, i := range a.order {
		wants, has := 0, 0
		for _, t := range topics {
			if a.wants[i][t] {
				wants++
				if slices.Contains(a.members[i].owned[t], p) {
					has++
				}
			}
		}
		better := cmp.Or(cmp.Compare(wants, bestWants), cmp.Compare(has, bestHas))
		if wants > 0 && (best < 0 || better > 0 || better == 0 && a.load[i] < a.load[best]) {
			best, bestWants, bestHas = i, wants, has
		}
	}
	return best
}

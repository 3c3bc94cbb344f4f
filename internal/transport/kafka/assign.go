package kafka

import (
	"cmp"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/transport"
)

// candidate is a member of a group when its partitions are assigned.
type candidate struct {
	id         string
	topics     []string           // that it asks for
	owned      map[string][]int32 // partitions that it says it has
	generation int32              // of the group, in which it got them; -1 if it does not know
	standbys   int                // how many it wants for each partition; 0: it keeps none itself
	held       map[int32]transport.Held
}

// assign returns the partitions of each member, and the numbers of which it is
// to keep a standby. counts has the number of partitions of each topic that
// exists.
//
// Partition i of all topics goes to one member: it is one task with one state.
// The unit that is assigned is thus the partition's number. Members that ask
// for any topic get equal shares of the numbers, give or take one. As many
// numbers as these shares allow stay where they are. The result depends on the
// members and counts only, not on the order of the members or on maps: whoever
// leads the group comes to the same. A number whose owner is gone goes to a
// member that has its state, if one has room; see package standbys.
//
// During an upgrade that adds or removes an input, members ask for different
// topics. The partitions that the owner of a number did not ask for go
// together to another member that did. Who of them is the owner is not written
// down anywhere: it may be any that has all that it wants of the number (see
// keep), and whichever it is, everything stays where it is.
func assign(members []candidate, counts map[string]int32) (out []map[string][]int32, copies [][]int32) {
	a := newAssigner(members, counts)
	copies = make([][]int32, len(members))
	if len(a.order) > 0 {
		a.keep()
		a.fill()
		a.giveOut()
		copies = a.standbys()
	}
	return a.out, copies
}

type assigner struct {
	members []candidate
	counts  map[string]int32
	wants   []map[string]bool                   // by member: the topics that it asks for and that exist
	has     []map[transport.TopicPartition]bool // by member: what it says it has
	topics  []string                            // that anybody wants, sorted
	order   []int                               // the members that want anything, by id
	claims  [][]claim                           // by partition number: of the newest generation
	owner   []int                               // by partition number; -1 none yet
	numbers [][]int                             // by member: of which it is the owner
	share   int                                 // of numbers, that each gets at least
	larger  int                                 // how many members may have one more
	load    []int                               // by member: partitions
	out     []map[string][]int32
}

func newAssigner(members []candidate, counts map[string]int32) *assigner {
	a := &assigner{members: members, counts: counts,
		wants:   make([]map[string]bool, len(members)),
		has:     make([]map[transport.TopicPartition]bool, len(members)),
		numbers: make([][]int, len(members)),
		load:    make([]int, len(members)),
		out:     make([]map[string][]int32, len(members)),
	}
	wanted, numbers := map[string]bool{}, int32(0)
	for i, m := range members {
		a.wants[i], a.out[i] = map[string]bool{}, map[string][]int32{}
		a.has[i] = map[transport.TopicPartition]bool{}
		for t, ps := range m.owned {
			for _, p := range ps {
				a.has[i][transport.TopicPartition{Topic: t, Partition: p}] = true
			}
		}
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
	a.claims = make([][]claim, numbers)
	for p := range a.claims {
		a.owner = append(a.owner, -1)
		a.claims[p] = a.claimsOf(int32(p))
	}
	if len(a.order) > 0 {
		a.share, a.larger = int(numbers)/len(a.order), int(numbers)%len(a.order)
	}
	return a
}

// claim says that a member has partitions of a number.
type claim struct {
	member int
	topics int  // of which it has the partition
	all    bool // these are all that it wants
}

// claimsOf returns the claims to a number, those to most topics first. An older
// generation's count for nothing: that member missed a rebalance.
func (a *assigner) claimsOf(p int32) (claims []claim) {
	newest := int32(-1)
	for _, i := range a.order {
		c := claim{member: i, all: true}
		for t := range a.wants[i] {
			switch {
			case p >= a.counts[t]:
			case a.has[i][transport.TopicPartition{Topic: t, Partition: p}]:
				c.topics++
			default:
				c.all = false
			}
		}
		if g := a.members[i].generation; c.topics > 0 && g >= newest {
			if g > newest {
				newest, claims = g, nil
			}
			claims = append(claims, c)
		}
	}
	slices.SortStableFunc(claims, func(x, y claim) int { return cmp.Compare(y.topics, x.topics) })
	return claims
}

// keep lets as many numbers as possible have an owner that has all that it
// wants of them already. That is a matching of numbers to members with as many
// places as their shares; it is found by augmenting paths. What has to go is
// rather a number of which another member has the state.
func (a *assigner) keep() {
	for _, p := range a.firm() {
		a.place(p, make([]bool, len(a.members)))
	}
}

// place finds an owner for a number among those that claim all of it. Members
// that have no room make it, if another owner can be found for one of theirs.
func (a *assigner) place(p int, visited []bool) bool {
	for _, c := range a.claims[p] {
		if c.all && !visited[c.member] && a.room(c.member) {
			a.own(c.member, p)
			return true
		}
	}
	for _, c := range a.claims[p] {
		i := c.member
		if !c.all || visited[i] {
			continue
		}
		visited[i] = true
		for k, q := range a.numbers[i] {
			if len(a.claims[q]) > 1 && a.place(q, visited) {
				a.numbers[i] = slices.Delete(a.numbers[i], k, k+1)
				a.own(i, p)
				return true
			}
		}
	}
	return false
}

// room says whether a member may have one more number.
func (a *assigner) room(i int) bool {
	n := len(a.numbers[i])
	if n != a.share {
		return n < a.share
	}
	larger := 0
	for _, j := range a.order {
		if len(a.numbers[j]) > a.share {
			larger++
		}
	}
	return larger < a.larger
}

func (a *assigner) own(i, p int) {
	a.owner[p] = i
	a.numbers[i] = append(a.numbers[i], p)
}

// fill finds owners for the numbers that have none: those that have some of it
// first, then those that have its state, then those with fewest numbers, and of
// these who wants most topics.
func (a *assigner) fill() {
	for p, i := range a.owner {
		if i >= 0 {
			continue
		}
		for _, c := range a.claims[p] {
			if a.room(c.member) {
				a.own(c.member, p)
				break
			}
		}
	}
	a.replace()
	for p, i := range a.owner {
		if i >= 0 {
			continue
		}
		a.own(slices.MinFunc(a.order, func(x, y int) int {
			return cmp.Or(cmp.Compare(len(a.numbers[x]), len(a.numbers[y])), cmp.Compare(len(a.wants[y]), len(a.wants[x])))
		}), p)
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
				if a.has[i][transport.TopicPartition{Topic: t, Partition: p}] {
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

package standbys

import (
	"cmp"
	"slices"

	"github.com/millrace/millrace/internal/transport"
)

// Member is a member of a group, as it takes part in the placing of standbys.
type Member struct {
	// Takes says that the member can keep standbys.
	Takes bool
	// Held is what it has; of what it is about to lose, too.
	Held map[int32]transport.Held
}

// Place returns, by member, the numbers of which it is to keep a standby, in
// ascending order. owner has the owning member of each number, negative without
// one; up to n members beside it keep a standby.
func Place(owner []int, members []Member, n int) [][]int32 {
	p := &placer{owner: owner, members: members, n: n, load: make([]int, len(members)),
		holds: make([]map[int32]bool, len(members))}
	for i, m := range members {
		p.holds[i] = map[int32]bool{}
		if m.Takes {
			p.takers = append(p.takers, i)
		}
	}
	if n > 0 && len(p.takers) > 0 {
		p.place()
	}
	out := make([][]int32, len(members))
	for i, held := range p.holds {
		out[i] = []int32{}
		for number := range int32(len(owner)) {
			if held[number] {
				out[i] = append(out[i], number)
			}
		}
	}
	return out
}

type placer struct {
	owner   []int
	members []Member
	n       int
	takers  []int // the members that can keep standbys
	load    []int // by member: numbers that it owns or keeps a standby of
	most    int   // of load, that is fair
	holds   []map[int32]bool
	count   []int // by number: standbys that are placed
	want    []int // by number: those that there are to be
}

func (p *placer) place() {
	total := 0
	p.count, p.want = make([]int, len(p.owner)), make([]int, len(p.owner))
	for number, o := range p.owner {
		others := len(p.takers)
		if o >= 0 {
			p.load[o]++
			if p.members[o].Takes {
				others--
				total++
			}
		}
		p.want[number] = min(p.n, others)
		total += p.want[number]
	}
	p.most = (total + len(p.takers) - 1) / len(p.takers)
	p.each(func(number int32) { p.fill(number, p.running(number), true) })
	p.each(func(number int32) { p.fill(number, p.byState(number), true) })
	p.each(func(number int32) { p.fill(number, p.byLoad(), false) })
	p.level()
}

func (p *placer) each(f func(number int32)) {
	for number := range p.owner {
		f(int32(number))
	}
}

// fill gives a number to the members in their order, as long as it needs any.
func (p *placer) fill(number int32, members []int, fair bool) {
	for _, i := range members {
		if p.count[number] < p.want[number] && p.may(i, number) && (!fair || p.load[i] < p.most) {
			p.add(i, number)
		}
	}
}

// may says whether a member can keep a standby that it does not keep yet.
func (p *placer) may(i int, number int32) bool {
	return p.owner[number] != i && !p.holds[i][number]
}

func (p *placer) add(i int, number int32) {
	p.holds[i][number] = true
	p.load[i]++
	p.count[number]++
}

func (p *placer) remove(i int, number int32) {
	delete(p.holds[i], number)
	p.load[i]--
	p.count[number]--
}

// running returns the members that keep a standby of a number now.
func (p *placer) running(number int32) []int {
	return slices.DeleteFunc(p.byState(number), func(i int) bool { return !p.members[i].Held[number].Running })
}

// byState returns the members that have state of a number, the newest first.
func (p *placer) byState(number int32) []int { return newest(p.members, p.takers, number) }

// byLoad returns the members that have least to do first.
func (p *placer) byLoad() []int {
	is := slices.Clone(p.takers)
	slices.SortStableFunc(is, func(a, b int) int { return cmp.Compare(p.load[a], p.load[b]) })
	return is
}

// level moves standbys from who has most to who has least, until they differ by
// one at most or nothing can be moved. Who has least may own or keep all that who
// has most could give; then another one takes that and gives something of its
// own: it is an augmenting path, as in Match.
func (p *placer) level() {
	for p.move() {
	}
}

// move makes the most loaded member that can be relieved of a standby so.
func (p *placer) move() bool {
	is := p.byLoad()
	for _, from := range slices.Backward(is) {
		if p.relieve(from) {
			return true
		}
	}
	return false
}

// handover is how a member is reached on a path: who gives it what.
type handover struct {
	from   int
	number int32
}

// relieve moves one standby of a member along the shortest path to one that has
// at least two less.
func (p *placer) relieve(from int) bool {
	got := map[int]handover{from: {from: -1}}
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		if p.load[i]+1 < p.load[from] {
			for h := got[i]; h.from >= 0; i, h = h.from, got[h.from] {
				p.remove(h.from, h.number)
				p.add(i, h.number)
			}
			return true
		}
		for _, to := range p.byLoad() {
			if _, reached := got[to]; reached {
				continue
			}
			if number, ok := p.gives(i, to); ok {
				got[to] = handover{from: i, number: number}
				queue = append(queue, to)
			}
		}
	}
	return false
}

// gives returns the first standby of a member that another one could take.
func (p *placer) gives(from, to int) (int32, bool) {
	for number := range int32(len(p.owner)) {
		if p.holds[from][number] && p.may(to, number) {
			return number, true
		}
	}
	return 0, false
}

// newest returns those of some members that have state of a number: who has come
// furthest first, of two who have come equally far who goes on.
func newest(members []Member, of []int, number int32) []int {
	is := slices.DeleteFunc(slices.Clone(of), func(i int) bool {
		_, ok := members[i].Held[number]
		return !ok
	})
	slices.SortStableFunc(is, func(a, b int) int {
		x, y := members[a].Held[number], members[b].Held[number]
		return cmp.Or(cmp.Compare(y.Position, x.Position), cmp.Compare(ordinal(y.Running), ordinal(x.Running)))
	})
	return is
}

func ordinal(b bool) int {
	if b {
		return 1
	}
	return 0
}

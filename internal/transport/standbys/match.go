package standbys

import "slices"

// Match gives numbers without an owner to members that have their state, and
// returns the new owners by number. room says whether a member may get one more
// number when the members were given so many; whether it may must not depend on
// more than how many each has.
//
// It is a matching of numbers to members, found by augmenting paths: a number
// whose members have no room is given to one of them all the same if another
// number can go from it to another member instead.
func Match(free []int32, members []Member, room func(i int, given []int) bool) map[int32]int {
	m := &matcher{members: members, room: room, owner: map[int32]int{},
		given: make([]int, len(members)), numbers: make([][]int32, len(members))}
	for i := range members {
		m.all = append(m.all, i)
	}
	for _, number := range free {
		m.place(number, make([]bool, len(members)))
	}
	return m.owner
}

type matcher struct {
	members []Member
	all     []int
	room    func(i int, given []int) bool
	owner   map[int32]int
	given   []int // by member: len(numbers)
	numbers [][]int32
}

func (m *matcher) place(number int32, visited []bool) bool {
	candidates := newest(m.members, m.all, number)
	for _, i := range candidates {
		if !visited[i] && m.room(i, m.given) {
			m.give(number, i)
			return true
		}
	}
	for _, i := range candidates {
		if visited[i] {
			continue
		}
		visited[i] = true
		for k, other := range m.numbers[i] {
			if m.place(other, visited) {
				m.numbers[i] = slices.Delete(m.numbers[i], k, k+1)
				m.given[i]--
				m.give(number, i)
				return true
			}
		}
	}
	return false
}

func (m *matcher) give(number int32, i int) {
	m.owner[number] = i
	m.numbers[i] = append(m.numbers[i], number)
	m.given[i]++
}

package memory

import (
	"context"
	"maps"
	"math"
	"slices"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/standbys"
)

// rebalance gives each partition number to one member: who has one keeps it,
// as long as nobody has more than a fair share; one without an owner goes to a
// member that has its state, if one has room. The caller holds the cluster's
// lock.
func (g *group) rebalance(c *Cluster) {
	g.generation++
	if len(g.members) == 0 {
		return
	}
	n := int32(0)
	for _, m := range g.members {
		for _, t := range m.cfg.Topics {
			if c.topics[t] != nil {
				n = max(n, c.topics[t].info.Partitions)
			}
		}
	}
	room := make([]int, len(g.members))
	for i := range g.members {
		room[i] = int(n) / len(g.members)
		if i < int(n)%len(g.members) {
			room[i]++
		}
	}
	planned := make([]int, n) // the member that is to own each number, by its place in g.members
	var moving []int32        // the numbers that have no owner, or lose him
	lost := map[*member][]int32{}
	for p := range n {
		o := g.owner[p]
		i := slices.Index(g.members, o)
		if i >= 0 && room[i] > 0 {
			room[i]--
			planned[p] = i
			continue
		}
		moving = append(moving, p)
		if o != nil && !o.gone {
			lost[o] = append(lost[o], p)
		}
	}
	ms := g.holders(lost)
	found := standbys.Match(moving, ms, func(i int, given []int) bool { return given[i] < room[i] })
	for _, i := range found {
		room[i]--
	}
	for _, p := range moving {
		i, ok := found[p]
		if !ok {
			i = slices.IndexFunc(room, func(r int) bool { return r > 0 })
			room[i]--
		}
		planned[p] = i
	}
	copies := g.tellStandbys(planned, moving, ms)
	for m, ps := range lost {
		m.callbacks = append(m.callbacks, func() {
			if m.cfg.Revoked != nil {
				m.cfg.Revoked(context.Background(), m.assignment(ps))
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, p := range ps {
				if g.owner[p] == m {
					m.drop(p)
					delete(g.owner, p)
				}
			}
			g.rebalance(c)
		})
	}
	gets := make([][]int32, len(g.members))
	for _, p := range moving {
		if o := g.owner[p]; o == nil || o.gone {
			gets[planned[p]] = append(gets[planned[p]], p)
		}
	}
	for i, m := range g.members {
		if copies { // the standbys are those of the assignment as a whole
			g.assign(c, m, gets[i])
			continue
		}
		for _, p := range gets[i] {
			g.assign(c, m, []int32{p})
		}
	}
	c.changed()
}

// holders are the members as they take part in the placing of standbys. Who
// loses a number has its newest state.
func (g *group) holders(lost map[*member][]int32) []standbys.Member {
	ms := make([]standbys.Member, len(g.members))
	for i, m := range g.members {
		if m.cfg.Standbys == 0 || m.dead {
			continue
		}
		ms[i] = standbys.Member{Takes: true, Held: maps.Clone(m.cfg.Held())}
		for _, p := range lost[m] {
			if ms[i].Held == nil {
				ms[i].Held = map[int32]transport.Held{}
			}
			ms[i].Held[p] = transport.Held{Position: math.MaxInt64, Running: true}
		}
	}
	return ms
}

// tellStandbys tells each member of which numbers it is to keep a standby. Who
// is to get a number and has a standby of it keeps that until then. It returns
// whether there are any to be.
func (g *group) tellStandbys(planned []int, moving []int32, ms []standbys.Member) bool {
	n := 0
	for _, m := range g.members {
		n = max(n, m.cfg.Standbys)
	}
	if n == 0 {
		return false
	}
	for i, numbers := range standbys.Place(planned, ms, n) {
		m := g.members[i]
		if !ms[i].Takes {
			continue
		}
		for _, p := range moving {
			if planned[p] == i && g.owner[p] != nil && !g.owner[p].gone {
				numbers = append(numbers, p)
			}
		}
		m.callbacks = append(m.callbacks, func() { m.cfg.Standby(numbers) })
	}
	return true
}

// assign gives numbers to a member and ends the rebalance for it, which with
// standbys is told even if there are none.
func (g *group) assign(c *Cluster, m *member, ps []int32) {
	for _, p := range ps {
		g.owner[p] = m
	}
	m.callbacks = append(m.callbacks, func() {
		if m.cfg.Assigned != nil {
			a := transport.Assignment{}
			if len(ps) > 0 {
				a = m.assignment(ps)
			}
			m.cfg.Assigned(context.Background(), a)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, p := range ps {
			if g.owner[p] != m {
				continue
			}
			for _, t := range m.cfg.Topics {
				if c.topics[t] != nil && p < c.topics[t].info.Partitions {
					m.positions[transport.TopicPartition{Topic: t, Partition: p}] = m.start(t, p)
				}
			}
		}
		c.changed()
	})
}

// start is where the member begins in a partition. The caller holds the
// cluster's lock.
func (m *member) start(topic string, p int32) int64 {
	if o, ok := m.g.committed[topic][p]; ok {
		return o
	}
	log := &m.c.topics[topic].partitions[p]
	if m.cfg.Start.Newest {
		return log.end()
	}
	return log.at(m.cfg.Start.At)
}

func (m *member) assignment(ps []int32) transport.Assignment {
	a := transport.Assignment{}
	for _, t := range m.cfg.Topics {
		a[t] = slices.Clone(ps)
	}
	return a
}

func (m *member) drop(p int32) {
	for _, t := range m.cfg.Topics {
		delete(m.positions, transport.TopicPartition{Topic: t, Partition: p})
		delete(m.paused, transport.TopicPartition{Topic: t, Partition: p})
	}
}

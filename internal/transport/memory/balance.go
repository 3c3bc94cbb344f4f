package memory

import (
	"context"
	"slices"

	"github.com/millrace/millrace/internal/transport"
)

// rebalance gives each partition number to one member: who has one keeps it,
// as long as nobody has more than a fair share. The caller holds the cluster's
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
	share := map[*member]int{}
	for i, m := range g.members {
		share[m] = int(n) / len(g.members)
		if i < int(n)%len(g.members) {
			share[m]++
		}
	}
	var free []int32
	lost := map[*member][]int32{}
	for p := range n {
		o := g.owner[p]
		switch {
		case o == nil || o.gone:
			free = append(free, p)
		case share[o] == 0:
			lost[o] = append(lost[o], p)
		default:
			share[o]--
		}
	}
	for _, m := range g.members {
		for share[m] > 0 && len(free) > 0 {
			g.assign(c, m, free[0])
			free = free[1:]
			share[m]--
		}
	}
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
	c.changed()
}

func (g *group) assign(c *Cluster, m *member, p int32) {
	g.owner[p] = m
	m.callbacks = append(m.callbacks, func() {
		if m.cfg.Assigned != nil {
			m.cfg.Assigned(context.Background(), m.assignment([]int32{p}))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if g.owner[p] != m {
			return
		}
		for _, t := range m.cfg.Topics {
			if c.topics[t] != nil && p < c.topics[t].info.Partitions {
				m.positions[transport.TopicPartition{Topic: t, Partition: p}] = m.start(t, p)
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

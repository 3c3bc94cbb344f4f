package memory

import (
	"context"
	"maps"

	"github.com/millrace/millrace/internal/transport"
)

var _ transport.Maintenance = (*Cluster)(nil)

// Members implements transport.Maintenance.
func (c *Cluster) Members(_ context.Context, name string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members(name), nil
}

func (c *Cluster) members(name string) (ids []string) {
	if g := c.groups[name]; g != nil {
		for _, m := range g.members {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// SetGroupOffsets implements transport.Maintenance.
func (c *Cluster) SetGroupOffsets(_ context.Context, name string, offsets transport.Offsets) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ids := c.members(name); len(ids) > 0 {
		return &transport.GroupInUseError{Group: name, Members: ids}
	}
	g := c.groups[name]
	if g == nil {
		g = newGroup(name)
		c.groups[name] = g
	}
	for t, ps := range offsets {
		if g.committed[t] == nil {
			g.committed[t] = map[int32]int64{}
		}
		maps.Copy(g.committed[t], ps)
	}
	c.changed()
	return nil
}

// DeleteGroup implements transport.Maintenance.
func (c *Cluster) DeleteGroup(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ids := c.members(name); len(ids) > 0 {
		return &transport.GroupInUseError{Group: name, Members: ids}
	}
	delete(c.groups, name)
	c.changed()
	return nil
}

// DeleteTopic implements transport.Maintenance. Groups lose their offsets of
// the topic, as on Kafka.
func (c *Cluster) DeleteTopic(_ context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, name)
	for _, g := range c.groups {
		delete(g.committed, name)
		for _, m := range g.members {
			for tp := range m.positions {
				if tp.Topic == name {
					delete(m.positions, tp)
				}
			}
		}
	}
	c.changed()
	return nil
}

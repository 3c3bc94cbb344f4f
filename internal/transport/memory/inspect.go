package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// OpKind says what an operation does.
type OpKind string

const (
	Produce OpKind = "produce" // a record is appended to a log
	Ack     OpKind = "ack"     // its acknowledgement reaches the client
	Commit  OpKind = "commit"  // offsets of a group are committed
)

// Op is an operation of a client.
type Op struct {
	Kind   OpKind
	Group  string            // of the client; "" for a producer
	Record *transport.Record // of Produce and Ack
	Offset transport.Offsets // of Commit
}

func (o Op) String() string {
	if o.Kind == Commit {
		return fmt.Sprintf("commit %s %v", o.Group, map[string]map[int32]int64(o.Offset))
	}
	return fmt.Sprintf("%s %s %s", o.Kind, o.Record.Topic, o.Record.Key)
}

// Verdict is what becomes of an operation. The zero value lets it happen.
type Verdict struct {
	Err  error // it fails with this error
	Lose bool  // it does not happen, and nobody is told
	Hold bool  // of Produce: it happens, and its acknowledgement waits for Release
	Kill bool  // the client is killed before it: as Lose, and so all it does later
}

// Hook decides about every operation before it happens. It is called with the
// cluster locked: it must not call the cluster.
type Hook func(Op) Verdict

// SetHook sets the hook; nil removes it.
func (c *Cluster) SetHook(h Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = h
}

func (c *Cluster) judge(o Op) Verdict {
	if c.hook == nil {
		return Verdict{}
	}
	return c.hook(o)
}

// Release lets the acknowledgements go that were held back.
func (c *Cluster) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cl := range c.clients {
		cl.queue = append(cl.queue, cl.held...)
		cl.held = nil
	}
	c.changed()
}

// HoldFollowers lets those who follow tables without an end get nothing, until it
// is called with false: they lag.
func (c *Cluster) HoldFollowers(hold bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = hold
	c.changed()
}

// Kill cuts all clients off, as if their processes were killed: nothing that
// they do from now on happens, their calls wait until their contexts end, and
// their groups forget them.
func (c *Cluster) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cl := range c.clients {
		c.kill(cl)
	}
}

// KillMembers is Kill for the members of groups that have a client id.
func (c *Cluster) KillMembers(clientID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cl := range c.clients {
		if cl.member != nil && cl.member.cfg.ClientID == clientID {
			c.kill(cl)
		}
	}
}

func (c *Cluster) kill(cl *client) {
	cl.dead = true
	cl.tx.end(c, aborted) // as its timeout does, at once
	cl.queue, cl.held = nil, nil
	if cl.member != nil {
		cl.member.expel()
	}
	c.changed()
}

// Journal returns the operations that happened.
func (c *Cluster) Journal() []Op {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.journal)
}

// Records returns a topic's records of all partitions, in the order in which
// they were appended; with Config.Forget what is left of them, of one partition
// after the other. They must not be changed.
func (c *Cluster) Records(name string) []*transport.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.topics[name]
	switch {
	case t == nil:
		return nil
	case c.forgets:
		var all []*transport.Record
		for p := range t.partitions {
			records, _ := t.partitions[p].read(0, -1)
			all = append(all, records...)
		}
		return all
	}
	return slices.Clone(t.order)
}

// Append writes a record as a client outside would: to the partition of its
// key by Java's partitioner, to the one of [transport.ToPartition], or to
// the one that it has if explicit is true.
func (c *Cluster) Append(r *transport.Record, explicit bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.topics[r.Topic]
	if t == nil {
		return fmt.Errorf("topic %s: %w", r.Topic, transport.ErrUnknownTopic)
	}
	switch {
	case explicit:
	case r.Partition < 0:
		r.Partition = ^r.Partition
	default:
		r.Partition = 0
		if r.Key != nil {
			r.Partition = partition.Murmur2.Partition(r.Key, t.info.Partitions)
		}
	}
	if r.Partition < 0 || r.Partition >= t.info.Partitions {
		return fmt.Errorf("topic %s has no partition %d, it has %d", r.Topic, r.Partition, t.info.Partitions)
	}
	c.append(r, nil)
	return nil
}

// Committed returns a group's committed offsets.
func (c *Cluster) Committed(name string) transport.Offsets {
	c.mu.Lock()
	defer c.mu.Unlock()
	offsets := transport.Offsets{}
	if g := c.groups[name]; g != nil {
		for t, ps := range g.committed {
			offsets[t] = maps.Clone(ps)
		}
	}
	return offsets
}

// Wait is something that WaitCommitted waits for: a group that has committed
// all records of its topics.
type Wait struct {
	Group  string
	Topics []string
}

// WaitCommitted waits until, at one moment, every group has committed all that
// is in its topics.
func (c *Cluster) WaitCommitted(ctx context.Context, waits ...Wait) error {
	return c.wait(ctx, func() bool {
		for _, w := range waits {
			for _, name := range w.Topics {
				t := c.topics[name]
				if t == nil {
					continue
				}
				for p := range t.partitions {
					next := int64(0)
					if g := c.groups[w.Group]; g != nil {
						next = g.committed[name][int32(p)]
					}
					rest, seen := t.partitions[p].read(next, 0) // the first is enough
					if len(rest) > 0 || seen < t.partitions[p].end() {
						return false
					}
				}
			}
		}
		return true
	})
}

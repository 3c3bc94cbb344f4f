package memory

import (
	"context"
	"sync"

	"github.com/millrace/millrace/internal/murmur2"
	"github.com/millrace/millrace/internal/transport"
)

// client is a producer, and the producing half of a group's member.
type client struct {
	c        *Cluster
	group    string
	explicit map[string]bool
	bound    int
	member   *member // nil for a producer

	// guarded by the cluster's lock
	queue  []pending // appended, to be acknowledged
	held   []pending
	bytes  int
	spread int32
	dead   bool
	closed bool

	acks sync.WaitGroup
}

type pending struct {
	r     *transport.Record
	acked func(*transport.Record, error)
	err   error
	size  int
}

var _ transport.Producer = (*client)(nil)

// NewProducer implements transport.Cluster.
func (c *Cluster) NewProducer(_ context.Context, cfg transport.ProducerConfig) (transport.Producer, error) {
	return c.newClient("", cfg.Explicit, cfg.BufferedBytes), nil
}

func (c *Cluster) newClient(group string, explicit []string, bound int) *client {
	if bound <= 0 {
		bound = 64 << 20
	}
	cl := &client{c: c, group: group, explicit: map[string]bool{}, bound: bound}
	for _, t := range explicit {
		cl.explicit[t] = true
	}
	c.mu.Lock()
	c.clients[cl] = struct{}{}
	c.mu.Unlock()
	cl.acks.Go(cl.acknowledge)
	return cl
}

// Produce implements transport.Producer.
func (cl *client) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	p := pending{r: r, acked: acked, size: len(r.Key) + len(r.Value)}
	werr := cl.c.wait(ctx, func() bool {
		return cl.closed || cl.dead || cl.bytes == 0 || cl.bytes+p.size <= cl.bound
	})
	c := cl.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.dead {
		return
	}
	cl.bytes += p.size
	defer c.changed()
	if p.err = werr; werr == nil && cl.closed {
		p.err = transport.ErrClosed
	}
	t := c.topics[r.Topic]
	if p.err == nil && t == nil {
		p.err = transport.ErrUnknownTopic
	}
	if p.err != nil {
		cl.queue = append(cl.queue, p)
		return
	}
	op := Op{Kind: Produce, Group: cl.group, Record: r}
	v := c.judge(op)
	switch {
	case v.Kill:
		c.kill(cl)
		return
	case v.Lose:
		return
	case v.Err != nil:
		p.err = v.Err
		cl.queue = append(cl.queue, p)
		return
	}
	switch {
	case cl.explicit[r.Topic]:
	case r.Key != nil:
		r.Partition = murmur2.Partition(r.Key, t.info.Partitions)
	default:
		r.Partition = cl.spread % t.info.Partitions
		cl.spread++
	}
	c.append(r)
	c.journal = append(c.journal, op.copied())
	if v.Hold {
		cl.held = append(cl.held, p)
		return
	}
	cl.queue = append(cl.queue, p)
}

// copied keeps an operation for the journal: its record belongs to the client.
func (o Op) copied() Op {
	if o.Record != nil {
		r := *o.Record
		o.Record = &r
	}
	return o
}

// acknowledge calls the acknowledgements, in order.
func (cl *client) acknowledge() {
	c := cl.c
	for {
		var p pending
		_ = c.wait(context.Background(), func() bool {
			if len(cl.queue) > 0 {
				p, cl.queue = cl.queue[0], cl.queue[1:]
				cl.bytes -= p.size
				return true
			}
			return cl.closed || cl.dead
		})
		if p.r == nil {
			return
		}
		c.mu.Lock()
		op := Op{Kind: Ack, Group: cl.group, Record: p.r}
		v := c.judge(op)
		if v.Kill {
			c.kill(cl)
		}
		lost := cl.dead || v.Lose
		if !lost {
			c.journal = append(c.journal, op.copied())
		}
		c.changed() // there is room
		c.mu.Unlock()
		if !lost {
			p.acked(p.r, p.err)
		}
	}
}

// Close implements transport.Producer. What is held back is given up.
func (cl *client) Close() {
	c := cl.c
	c.mu.Lock()
	cl.closed = true
	for _, p := range cl.held {
		p.err = transport.ErrClosed
		cl.queue = append(cl.queue, p)
	}
	cl.held = nil
	delete(c.clients, cl)
	c.changed()
	c.mu.Unlock()
	cl.acks.Wait()
}

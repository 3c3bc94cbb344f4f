package memory

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millrace/millrace/internal/transport"
)

// client is a producer, and the producing half of a group's member.
type client struct {
	c      *Cluster
	group  string
	parts  transport.Partitioning
	bound  int
	member *member // nil for a producer

	// guarded by the cluster's lock
	queue  []pending // appended, to be acknowledged
	held   []pending
	bytes  int
	spread int32
	dead   bool
	closed bool
	tx     *transaction // of a member; nil before the first Begin
	fenced bool         // another client has the transactional id

	acking sync.WaitGroup
}

type pending struct {
	r     *transport.Record
	acked func(*transport.Record, error)
	err   error
	size  int
}

var _ transport.Producer = (*client)(nil)

// NewProducer implements transport.Cluster. A log in memory has one replica and
// no batches: acknowledgements do not differ, and there is no compression.
func (c *Cluster) NewProducer(_ context.Context, cfg transport.ProducerConfig) (transport.Producer, error) {
	cl := c.newClient("", cfg.Partitioning, cfg.BufferedBytes)
	c.mu.Lock()
	defer c.mu.Unlock()
	cl.begin()
	return cl, nil
}

func (c *Cluster) newClient(group string, parts transport.Partitioning, bound int) *client {
	if bound <= 0 {
		bound = 64 << 20
	}
	return &client{c: c, group: group, parts: parts, bound: bound}
}

// begin makes the client, complete by now, known to the cluster, whose lock the
// caller holds.
func (cl *client) begin() {
	cl.c.clients[cl] = struct{}{}
	cl.acking.Go(cl.acknowledge)
}

// ProduceAll implements [transport.Producer].
func (cl *client) ProduceAll(ctx context.Context, next func() *transport.Record, acked func(*transport.Record, error)) {
	for r := next(); r != nil; r = next() {
		cl.Produce(ctx, r, acked)
	}
}

// Produce implements transport.Producer.
func (cl *client) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	p := pending{r: r, acked: acked, size: len(r.Key) + len(r.Value)}
	werr := cl.c.wait(ctx, func() bool {
		return cl.closed || cl.dead || cl.bytes == 0 || cl.bytes+p.size <= cl.bound
	})
	if werr == nil && ctx.Err() != nil {
		werr = context.Cause(ctx)
	}
	if !cl.put(p, werr) {
		acked(r, transport.ErrClosed) // nobody else is left to call it
	}
}

// put appends a record to its log, unless it was given up before, and queues
// its acknowledgement. It returns false if the client is closed.
func (cl *client) put(p pending, gaveUp error) bool {
	r, c := p.r, cl.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl.closed {
		return false
	}
	if cl.dead {
		return true
	}
	cl.bytes += p.size
	defer c.changed()
	p.err = gaveUp
	t := c.topics[r.Topic]
	if p.err == nil && (cl.fenced || cl.tx != nil && !cl.tx.open()) {
		p.err = fmt.Errorf("produce to topic %s: %w", r.Topic, errNoTransaction)
	}
	if p.err == nil && t == nil {
		p.err = transport.ErrUnknownTopic
	}
	if p.err != nil {
		cl.queue = append(cl.queue, p)
		return true
	}
	partition, err := cl.partition(r, t.info.Partitions)
	if err == nil && r.Key == nil && strings.Contains(t.info.Config["cleanup.policy"], "compact") {
		err = fmt.Errorf("produce to topic %s: %w", r.Topic, kerr.InvalidRecord) // as brokers do
	}
	if err != nil {
		p.err = err
		cl.queue = append(cl.queue, p)
		return true
	}
	op := Op{Kind: Produce, Group: cl.group, Record: r}
	v := c.judge(op)
	switch {
	case v.Kill:
		c.kill(cl)
		return true
	case v.Lose:
		return true
	case v.Err != nil:
		p.err = v.Err
		cl.queue = append(cl.queue, p)
		return true
	}
	r.Partition = partition
	c.append(r, cl.tx)
	c.note(op)
	if v.Hold {
		cl.held = append(cl.held, p)
		return true
	}
	cl.queue = append(cl.queue, p)
	return true
}

// stickyRun is how many records a producer that is sticky sends to one
// partition, for want of batches.
const stickyRun = 16

// partition chooses a record's partition of n.
func (cl *client) partition(r *transport.Record, n int32) (int32, error) {
	if p, ok := cl.parts.Fixed(r); ok {
		if p < 0 || p >= n {
			return 0, fmt.Errorf("topic %s has no partition %d, it has %d", r.Topic, p, n)
		}
		return p, nil
	}
	by := cl.parts.By[r.Topic]
	if !by.Spreads(r.Key) {
		return by.Partition(r.Key, n), nil
	}
	run := int32(1)
	if cl.parts.Spread == transport.SpreadSticky {
		run = stickyRun
	}
	p := cl.spread / run % n
	cl.spread++
	return p, nil
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
			c.note(op)
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
	cl.tx.end(c, aborted)
	for _, p := range cl.held {
		p.err = transport.ErrClosed
		cl.queue = append(cl.queue, p)
	}
	cl.held = nil
	delete(c.clients, cl)
	c.changed()
	c.mu.Unlock()
	cl.acking.Wait()
}

package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// Config configures a cluster.
type Config struct {
	// Now gives records that have none their timestamp. Default time.Now.
	Now func() time.Time
	// Forget drops what nobody will read any more: records that were read by all
	// groups that read their topic, and what compaction would drop. There is no
	// journal then. It is for more data than memory holds; a member that joins
	// later finds what is left.
	Forget bool
}

// Cluster is a Kafka cluster in memory. It is safe for concurrent use.
type Cluster struct {
	now     func() time.Time
	forgets bool

	mu            sync.Mutex
	topics        map[string]*topic
	groups        map[string]*group
	clients       map[*client]struct{}
	transactional map[string]*client // by transactional id
	hook          Hook
	holding       bool // readers that follow a table get nothing
	journal       []Op
	ids           byte
	change        chan struct{} // closed at every change of logs, offsets or members
}

var _ transport.Cluster = (*Cluster)(nil)

type topic struct {
	info       transport.TopicInfo
	partitions []partitionLog
	order      []*transport.Record // all partitions, in the order of the appends
}

// New returns a cluster without topics.
func New(cfg Config) *Cluster {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cluster{now: cfg.Now, forgets: cfg.Forget, topics: map[string]*topic{}, groups: map[string]*group{},
		clients: map[*client]struct{}{}, transactional: map[string]*client{}, change: make(chan struct{})}
}

// changed wakes all who wait. The caller holds mu.
func (c *Cluster) changed() {
	close(c.change)
	c.change = make(chan struct{})
}

// wait waits for cond, which is called with mu held.
func (c *Cluster) wait(ctx context.Context, cond func() bool) error {
	for {
		c.mu.Lock()
		ok, change := cond(), c.change
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Describe implements transport.Admin.
func (c *Cluster) Describe(_ context.Context, topics ...string) (map[string]transport.TopicInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	infos := map[string]transport.TopicInfo{}
	for _, name := range topics {
		if t := c.topics[name]; t != nil {
			infos[name] = t.info
		}
	}
	return infos, nil
}

// Create implements transport.Admin.
func (c *Cluster) Create(_ context.Context, s transport.TopicSpec) error {
	if s.Name == "" || s.Partitions < 1 {
		return fmt.Errorf("topic %q with %d partitions cannot be created", s.Name, s.Partitions)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.topics[s.Name] != nil {
		return fmt.Errorf("topic %s: %w", s.Name, transport.ErrTopicExists)
	}
	c.ids++
	t := &topic{info: transport.TopicInfo{Name: s.Name, Partitions: s.Partitions, Replication: max(1, s.Replication),
		Config: s.Config, ID: [16]byte{15: c.ids}}}
	t.partitions = make([]partitionLog, s.Partitions)
	for p := range t.partitions {
		t.partitions[p].readers = map[*int64]struct{}{}
		if c.forgets {
			t.partitions[p].limit = forgetAt
		}
	}
	c.topics[s.Name] = t
	c.changed()
	return nil
}

// Bounds implements transport.Admin.
func (c *Cluster) Bounds(_ context.Context, tp transport.TopicPartition) (first, end int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := c.log(tp)
	if err != nil {
		return 0, 0, err
	}
	return 0, log.end(), nil
}

// OffsetAt implements transport.Admin.
func (c *Cluster) OffsetAt(_ context.Context, tp transport.TopicPartition, at time.Time) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := c.log(tp)
	if err != nil {
		return 0, err
	}
	return log.at(at), nil
}

// GroupOffsets implements transport.Admin.
func (c *Cluster) GroupOffsets(_ context.Context, group string) (transport.Offsets, error) {
	return c.Committed(group), nil
}

func (c *Cluster) log(tp transport.TopicPartition) (*partitionLog, error) {
	t := c.topics[tp.Topic]
	if t == nil || int(tp.Partition) >= len(t.partitions) || tp.Partition < 0 {
		return nil, fmt.Errorf("topic %s, partition %d: %w", tp.Topic, tp.Partition, transport.ErrUnknownTopic)
	}
	return &t.partitions[tp.Partition], nil
}

// ReadTable implements transport.Cluster.
func (c *Cluster) ReadTable(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	next := from // is read with the lock held
	unregister, err := c.register(tp, &next)
	if err != nil {
		return err
	}
	defer unregister()
	for {
		var b transport.TableBatch
		var err error
		werr := c.wait(ctx, func() bool {
			var log *partitionLog
			if log, err = c.log(tp); err != nil {
				return true
			}
			b.End = log.end()
			if next < 0 || next > b.End {
				err = &transport.OffsetOutOfRangeError{TopicPartition: tp, From: next, End: b.End}
				return true
			}
			if c.holding && until < 0 {
				return false
			}
			b.Records, b.Next = log.read(next, -1)
			return b.Next > next || until >= 0 && next >= until
		})
		switch {
		case werr != nil:
			return werr
		case err != nil:
			return err
		case until >= 0 && next >= until:
			return nil
		}
		if err := each(b); err != nil {
			return err
		}
		c.mu.Lock()
		next = b.Next
		c.mu.Unlock()
	}
}

// register keeps what lies behind a reader's position from being forgotten, until
// the function that it returns is called.
func (c *Cluster) register(tp transport.TopicPartition, position *int64) (unregister func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	log, err := c.log(tp)
	if err != nil {
		return nil, err
	}
	log.readers[position] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(log.readers, position)
	}, nil
}

// ReadLog implements transport.Cluster: there are no transactions.
func (c *Cluster) ReadLog(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	return c.ReadTable(ctx, tp, from, until, each)
}

// Close implements transport.Cluster. The logs stay.
func (c *Cluster) Close() error { return nil }

// append appends a record to its partition's log, as part of a transaction
// unless that is nil. The caller holds mu.
func (c *Cluster) append(r *transport.Record, tx *transaction) {
	t := c.topics[r.Topic]
	if r.Timestamp.IsZero() {
		r.Timestamp = c.now()
	}
	r.Timestamp = time.UnixMilli(r.Timestamp.UnixMilli()).UTC() // what Kafka keeps of it
	stored := *r
	stored.Key, stored.Value = slices.Clone(r.Key), slices.Clone(r.Value)
	stored.Headers = slices.Clone(r.Headers)
	log := &t.partitions[r.Partition]
	stored.Offset = log.end()
	r.Offset = stored.Offset
	log.append(&stored, tx)
	c.forget(t, r.Partition)
	if tx == nil {
		c.arrived(t, &stored)
	} else {
		tx.add(t, log, &stored)
	}
	c.changed()
}

// arrived notes that a record may be read from now on.
func (c *Cluster) arrived(t *topic, r *transport.Record) {
	if !c.forgets {
		t.order = append(t.order, r)
	}
}

// note adds to the journal.
func (c *Cluster) note(o Op) {
	if !c.forgets {
		c.journal = append(c.journal, o.copied())
	}
}

package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/transport"
)

// group is a consumer group: its committed offsets and its members.
type group struct {
	name       string
	committed  transport.Offsets
	members    []*member // in the order of their joining
	generation int32
	joined     int
	owner      map[int32]*member // of each partition number, until it was revoked
	topics     map[string]bool   // that any member read
}

// member is a transport.Group. Partition i of all its topics is one unit.
type member struct {
	*client
	g   *group
	cfg transport.GroupConfig
	id  string

	// guarded by the cluster's lock
	joined    bool
	gone      bool // left or expelled
	positions map[transport.TopicPartition]int64
	paused    map[transport.TopicPartition]bool
	callbacks []func()
	busy      bool // a callback runs

	gate      sync.Mutex // held between the return of Poll and its next call
	gated     bool
	callsDone sync.WaitGroup
}

var _ transport.Group = (*member)(nil)

func newGroup(name string) *group {
	return &group{name: name, committed: transport.Offsets{}, owner: map[int32]*member{}, topics: map[string]bool{}}
}

// Join implements transport.Cluster.
func (c *Cluster) Join(_ context.Context, cfg transport.GroupConfig) (transport.Group, error) {
	if len(cfg.Topics) == 0 {
		return nil, fmt.Errorf("group %s: no topics", cfg.Group)
	}
	m := &member{client: c.newClient(cfg.Group, cfg.Partitioning, cfg.BufferedBytes), cfg: cfg,
		positions: map[transport.TopicPartition]int64{}, paused: map[transport.TopicPartition]bool{}}
	m.client.member = m
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.groups[cfg.Group] == nil {
		c.groups[cfg.Group] = newGroup(cfg.Group)
	}
	m.g = c.groups[cfg.Group]
	for _, t := range cfg.Topics {
		m.g.topics[t] = true
	}
	m.g.joined++
	m.id = fmt.Sprintf("%s-%d", cfg.ClientID, m.g.joined)
	m.client.begin()
	m.callsDone.Go(m.runCallbacks)
	return m, nil
}

// runCallbacks calls back, one at a time, outside the cluster's lock.
func (m *member) runCallbacks() {
	for {
		var f func()
		_ = m.c.wait(context.Background(), func() bool {
			if len(m.callbacks) > 0 {
				f, m.callbacks = m.callbacks[0], m.callbacks[1:]
				m.busy = true
				return true
			}
			return m.closed
		})
		if f == nil {
			return
		}
		m.gate.Lock()
		f()
		m.gate.Unlock()
		m.c.mu.Lock()
		m.busy = false
		m.c.changed()
		m.c.mu.Unlock()
	}
}

// Poll implements transport.Group.
func (m *member) Poll(ctx context.Context) ([]transport.Fetch, error) {
	m.ungate()
	c := m.c
	for {
		var fetches []transport.Fetch
		err := c.wait(ctx, func() bool {
			if !m.joined && !m.dead && !m.closed { // the first time, or expelled since
				m.joined = true
				m.g.members = append(m.g.members, m)
				m.g.rebalance(c)
			}
			return m.closed || !m.busy && !m.dead && len(m.callbacks) == 0 && m.available()
		})
		if err != nil {
			return nil, err
		}
		m.gate.Lock() // no callback runs from here to the next Poll
		c.mu.Lock()
		if m.closed {
			c.mu.Unlock()
			m.gate.Unlock()
			return nil, transport.ErrClosed
		}
		fetches = m.fetch()
		m.gated = len(fetches) > 0
		c.mu.Unlock()
		if len(fetches) > 0 {
			return fetches, nil
		}
		m.gate.Unlock()
	}
}

// Release implements [transport.Group].
func (m *member) Release() { m.ungate() }

func (m *member) ungate() {
	m.c.mu.Lock()
	gated := m.gated
	m.gated = false
	m.c.mu.Unlock()
	if gated {
		m.gate.Unlock()
	}
}

func (m *member) available() bool {
	for tp, next := range m.positions {
		if m.paused[tp] {
			continue
		}
		if records, _ := m.c.topics[tp.Topic].partitions[tp.Partition].read(next, 0); len(records) > 0 {
			return true
		}
	}
	return false
}

// fetch takes all records that are there, up to the bound of each partition.
func (m *member) fetch() (fetches []transport.Fetch) {
	bound := int(m.cfg.FetchMaxBytes)
	if bound <= 0 {
		bound = 1 << 20
	}
	tps := slices.SortedFunc(maps.Keys(m.positions), func(a, b transport.TopicPartition) int {
		if d := int(a.Partition - b.Partition); d != 0 {
			return d
		}
		return slices.Index(m.cfg.Topics, a.Topic) - slices.Index(m.cfg.Topics, b.Topic)
	})
	for _, tp := range tps {
		if m.paused[tp] {
			continue
		}
		log := &m.c.topics[tp.Topic].partitions[tp.Partition]
		records, next := log.read(m.positions[tp], bound)
		m.positions[tp] = next
		if len(records) > 0 {
			fetches = append(fetches, transport.Fetch{TopicPartition: tp, Records: records, End: log.end()})
		}
	}
	return fetches
}

// Pause implements transport.Group.
func (m *member) Pause(a transport.Assignment) { m.setPaused(a, true) }

// Resume implements transport.Group.
func (m *member) Resume(a transport.Assignment) { m.setPaused(a, false) }

func (m *member) setPaused(a transport.Assignment, paused bool) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	for t, ps := range a {
		for _, p := range ps {
			m.paused[transport.TopicPartition{Topic: t, Partition: p}] = paused
		}
	}
	m.c.changed()
}

// Rewind implements transport.Group.
func (m *member) Rewind(offsets transport.Offsets) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	for t, ps := range offsets {
		for p, next := range ps {
			tp := transport.TopicPartition{Topic: t, Partition: p}
			if _, ok := m.positions[tp]; ok && m.g.owner[p] == m {
				m.positions[tp] = next
			}
		}
	}
	m.c.changed()
}

// Commit implements transport.Group.
func (m *member) Commit(ctx context.Context, offsets transport.Offsets) error {
	return m.commit(ctx, offsets, func() error { return nil }, func() {})
}

// commit is the operation behind Commit and CommitTransaction. With the
// cluster's lock held, it calls may, which can refuse it, and done once the
// offsets are stored.
func (m *member) commit(ctx context.Context, offsets transport.Offsets, may func() error, done func()) error {
	c := m.c
	c.mu.Lock()
	op := Op{Kind: Commit, Group: m.g.name, Offset: offsets}
	v := c.judge(op)
	if v.Kill {
		c.kill(m.client)
	}
	if m.dead || v.Lose {
		c.mu.Unlock()
		<-ctx.Done()
		return context.Cause(ctx)
	}
	defer c.mu.Unlock()
	if v.Err != nil {
		return v.Err
	}
	if err := may(); err != nil {
		return err
	}
	if err := m.store(offsets); err != nil {
		return err
	}
	done()
	c.note(op)
	c.changed()
	return nil
}

// store commits offsets of partitions that are the member's. The caller holds
// the cluster's lock.
func (m *member) store(offsets transport.Offsets) error {
	for t, ps := range offsets {
		for p := range ps {
			if m.g.owner[p] != m {
				return fmt.Errorf("topic %s, partition %d: %w", t, p, transport.ErrFenced)
			}
		}
	}
	for t, ps := range offsets {
		if m.g.committed[t] == nil {
			m.g.committed[t] = map[int32]int64{}
		}
		maps.Copy(m.g.committed[t], ps)
	}
	return nil
}

// Member implements transport.Group.
func (m *member) Member() (string, int32) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.id, m.g.generation
}

// Leave implements transport.Group.
func (m *member) Leave(ctx context.Context) error {
	m.ungate()
	c := m.c
	c.mu.Lock()
	if m.gone || !m.joined || m.dead {
		c.mu.Unlock()
		return nil
	}
	owned := m.owned()
	done := make(chan struct{})
	m.callbacks = append(m.callbacks, func() {
		defer close(done)
		if len(owned) > 0 && m.cfg.Revoked != nil {
			m.cfg.Revoked(context.Background(), m.assignment(owned))
		}
	})
	c.changed()
	c.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.remove()
	return nil
}

func (m *member) owned() (ps []int32) {
	for p, o := range m.g.owner {
		if o == m {
			ps = append(ps, p)
		}
	}
	slices.Sort(ps)
	return ps
}

// remove takes the member out of its group and gives its partitions to others.
func (m *member) remove() {
	if m.gone {
		return
	}
	m.gone = true
	for _, p := range m.owned() {
		m.drop(p)
		delete(m.g.owner, p)
	}
	m.g.members = slices.DeleteFunc(m.g.members, func(o *member) bool { return o == m })
	m.g.rebalance(m.c)
}

// expel is remove without asking the member, who hears of it afterwards.
func (m *member) expel() {
	owned := m.owned()
	m.remove()
	if len(owned) > 0 && m.cfg.Lost != nil {
		m.callbacks = append(m.callbacks, func() { m.cfg.Lost(context.Background(), m.assignment(owned)) })
	}
}

// Expel takes all members out of a group as a session timeout does: they lose
// their partitions, are told so, and join again at their next Poll.
func (c *Cluster) Expel(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.groups[name]; g != nil {
		for _, m := range slices.Clone(g.members) {
			m.expel()
			m.gone, m.joined = false, false
		}
	}
	c.changed()
}

// Close implements transport.Group.
func (m *member) Close() {
	m.ungate()
	m.c.mu.Lock()
	m.remove()
	m.callbacks = nil
	m.c.mu.Unlock()
	m.client.Close()
	m.callsDone.Wait()
}

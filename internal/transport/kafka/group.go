package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// fetchMaxWait is how long a broker holds back the answer to a fetch while it
// has nothing new. It delays no record, only changes of what is fetched.
const fetchMaxWait = 250 * time.Millisecond

// leaveTimeout bounds the farewell of a member that is closed without having
// left. Its session times out if that fails.
const leaveTimeout = 5 * time.Second

// member is a [transport.Group]: one franz-go client that fetches, produces
// and is the group's member.
//
//	             first Poll           a rebalance or a lost session
//	created ───────────────> joined <──────────────────────────────┐
//	   │                       │ └─ Revoked, Assigned; or Lost ─────┘
//	   │ Close            Leave│: Revoked
//	   └──────────> closed <───┘
type member struct {
	c    *Cluster
	cl   *kgo.Client
	cfg  transport.GroupConfig
	join sync.Once

	produced  atomic.Bool // since Begin
	transacts bool        // the cluster was asked; see canTransact
	begun     bool        // a transaction; see expelFormer
	idsMu     sync.Mutex
	topicIDs  map[string][16]byte // see idsOf
	watch     *groupWatch         // of the other members; may be nil

	mu    sync.Mutex
	owned map[transport.TopicPartition]string // the member id at its Assigned, until the end of Revoked or the start of Lost
	err   error                               // found together with records, for the next Poll
}

var _ transport.Group = (*member)(nil)

// Join implements [transport.Cluster].
func (c *Cluster) Join(_ context.Context, cfg transport.GroupConfig) (transport.Group, error) {
	if cfg.Group == "" || len(cfg.Topics) == 0 {
		return nil, fmt.Errorf("kafka group %q with topics %q: both a group id and topics are needed", cfg.Group, cfg.Topics)
	}
	if cfg.Standbys > 0 && (cfg.Held == nil || cfg.Standby == nil) {
		return nil, fmt.Errorf("kafka group %s: standbys need both Held and Standby", cfg.Group)
	}
	return c.newMember(cfg)
}

// newMember makes a member, with more options than its own.
func (c *Cluster) newMember(cfg transport.GroupConfig, more ...kgo.Opt) (*member, error) {
	if cfg.FetchMaxBytes <= 0 {
		cfg.FetchMaxBytes = 1 << 20
	}
	m := &member{c: c, cfg: cfg, owned: map[transport.TopicPartition]string{}}
	opts := append(c.options(cfg.ClientID), c.producing(cfg.Partitioning, cfg.BufferedBytes)...)
	opts = append(opts,
		kgo.ConsumerGroup(cfg.Group),
		kgo.Balancers(m.balancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.FetchIsolationLevel(isolation(cfg.Uncommitted)),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchMaxWait),
		kgo.FetchMaxPartitionBytes(cfg.FetchMaxBytes),
		// A new group begins at the start. One that has committed an offset
		// which the log no longer has is told so: to begin at the start again
		// would process twice, or skip what retention deleted, in silence.
		kgo.ConsumeStartOffset(startOffset(cfg.Start)),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.HeartbeatInterval(min(heartbeatInterval, c.cfg.SessionTimeout/3)),
		kgo.SessionTimeout(c.cfg.SessionTimeout),
		kgo.RebalanceTimeout(c.cfg.RebalanceTimeout),
		kgo.OnPartitionsAssigned(m.onAssigned),
		kgo.OnPartitionsRevoked(m.onRevoked),
		kgo.OnPartitionsLost(m.onLost),
	)
	opts = append(opts, transactional(cfg)...)
	if cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(cfg.InstanceID))
	}
	if cfg.ControlRecords {
		opts = append(opts, kgo.KeepControlRecords())
	}
	var err error
	if m.cl, err = kgo.NewClient(append(opts, more...)...); err != nil {
		return nil, fmt.Errorf("kafka group %s: %w", cfg.Group, err)
	}
	if c.peers != nil {
		m.watch = newGroupWatch(m)
	}
	return m, nil
}

func isolation(uncommitted bool) kgo.IsolationLevel {
	if uncommitted {
		return kgo.ReadUncommitted()
	}
	return kgo.ReadCommitted()
}

func startOffset(s transport.Start) kgo.Offset {
	switch {
	case s.Newest:
		return kgo.NewOffset().AtEnd()
	case !s.At.IsZero():
		return kgo.NewOffset().AfterMilli(max(0, s.At.UnixMilli()))
	}
	return kgo.NewOffset().AtStart()
}

// onAssigned is called at the end of every rebalance. It is handed on even if
// it brings nothing: an assignment of nothing tells a member that it is one.
//
// A member that was thrown out and finds it out by a commit joins again under a
// new id, and franz-go does not call that a loss: it goes on with the
// partitions that it is given again. Another member may have had them, and have
// gone on with their state. So the old ones are good for nothing any more: admit
// refuses their commits, and the next Poll is an error.
func (m *member) onAssigned(ctx context.Context, _ *kgo.Client, a map[string][]int32) {
	id, _ := m.Member()
	if m.stale(id) {
		m.keepError(fmt.Errorf("group %s: %w: it was thrown out and has joined again", m.cfg.Group, transport.ErrFenced))
	}
	m.own(a, true)
	m.fencePredecessors(ctx, a) // before franz-go fetches the offsets, which wait for open transactions
	m.watch.changed()
	if m.cfg.Assigned != nil {
		m.cfg.Assigned(ctx, a)
	}
}

// onRevoked is called before partitions go away, and at the end of a session
// even if none do. Commits of them are good until it returns.
func (m *member) onRevoked(ctx context.Context, _ *kgo.Client, a map[string][]int32) {
	if len(a) == 0 {
		return
	}
	if m.cfg.Revoked != nil {
		m.cfg.Revoked(ctx, a)
	}
	m.own(a, false)
}

func (m *member) onLost(ctx context.Context, _ *kgo.Client, a map[string][]int32) {
	if len(a) == 0 {
		return
	}
	m.own(a, false)
	if m.cfg.Lost != nil {
		m.cfg.Lost(ctx, a)
	}
}

// stale says whether the member has partitions from an earlier life.
func (m *member) stale(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range m.owned {
		if of != id {
			return true
		}
	}
	return false
}

func (m *member) own(a map[string][]int32, own bool) {
	id, _ := m.Member()
	m.mu.Lock()
	defer m.mu.Unlock()
	for t, ps := range a {
		for _, p := range ps {
			if tp := (transport.TopicPartition{Topic: t, Partition: p}); own {
				m.owned[tp] = id
			} else {
				delete(m.owned, tp)
			}
		}
	}
	if !own { // to franz-go a pause outlives the assignment, and who gets it back knows of none
		m.cl.ResumeFetchPartitions(a)
	}
}

// Poll implements [transport.Group]. It is called by one goroutine at a time.
//
// No callback of a rebalance runs between a return with records and the next
// call: franz-go blocks them, and a caller that has put the records where they
// belong calls again.
func (m *member) Poll(ctx context.Context) ([]transport.Fetch, error) {
	// franz-go joins as soon as it knows a topic.
	m.join.Do(func() { m.cl.AddConsumeTopics(m.cfg.Topics...) })
	for {
		m.cl.AllowRebalance()
		if err := m.takeError(); err != nil {
			return nil, err
		}
		fetches := m.cl.PollFetches(ctx)
		var out []transport.Fetch
		var errs []error
		for _, f := range fetches {
			for _, t := range f.Topics {
				for _, p := range t.Partitions {
					if p.Err != nil {
						errs = append(errs, m.fetchError(ctx, t.Topic, p.Partition, p.Err))
					}
					if len(p.Records) > 0 {
						out = append(out, transport.Fetch{
							TopicPartition: transport.TopicPartition{Topic: t.Topic, Partition: p.Partition},
							Records:        p.Records, End: p.HighWatermark,
						})
					}
				}
			}
		}
		// Records come first: franz-go's position is past them already.
		err := errors.Join(errs...)
		if len(out) > 0 {
			m.keepError(err)
			return out, nil
		}
		m.cl.AllowRebalance()
		if ctx.Err() != nil {
			m.keepError(err)
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (m *member) keepError(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, err)
}

func (m *member) takeError() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.err
	m.err = nil
	return err
}

// Release implements [transport.Group].
func (m *member) Release() { m.cl.AllowRebalance() }

// Pause implements [transport.Group]. franz-go drops what it has fetched of
// paused partitions and not yet returned, and fetches it again when they are
// resumed.
func (m *member) Pause(a transport.Assignment) { m.cl.PauseFetchPartitions(a) }

// Resume implements [transport.Group].
func (m *member) Resume(a transport.Assignment) { m.cl.ResumeFetchPartitions(a) }

// Rewind implements [transport.Group]. franz-go drops what it has fetched and
// not yet returned.
func (m *member) Rewind(offsets transport.Offsets) {
	to := make(map[string]map[int32]kgo.EpochOffset, len(offsets))
	for t, ps := range offsets {
		to[t] = make(map[int32]kgo.EpochOffset, len(ps))
		for p, o := range ps {
			to[t][p] = kgo.EpochOffset{Epoch: -1, Offset: o}
		}
	}
	m.cl.SetOffsets(to)
}

// Member implements [transport.Group].
func (m *member) Member() (string, int32) { return m.cl.GroupMetadata() }

// Leave implements [transport.Group]. franz-go waits for a rebalance that is
// under way, calls onRevoked with all that the member has, in which commits are
// good, and then tells the group. A Poll that waits goes on waiting until its
// context ends or the member is closed.
func (m *member) Leave(ctx context.Context) error {
	m.cl.AllowRebalance()
	if err := m.cl.LeaveGroupContext(ctx); err != nil && !errors.Is(err, kerr.UnknownMemberID) { // out already
		return fmt.Errorf("leave group %s: %w", m.cfg.Group, err)
	}
	return nil
}

// Close implements [transport.Producer].
func (m *member) Close() {
	// franz-go's Close leaves too, but tries for half a minute if there is no
	// broker. One that has left does so at once.
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	m.watch.close()
	if err := m.Leave(ctx); err != nil {
		m.c.cfg.Logger.Warn("kafka: could not leave the group; its session has to time out", "group", m.cfg.Group, "error", err)
	}
	m.cl.CloseAllowingRebalance()
	// A Poll that got records while the group was being left would hold that
	// up for ever, and with it a goroutine and the client.
	m.cl.AllowRebalance()
}

// Produce implements [transport.Producer].
func (m *member) Produce(ctx context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	m.noteProduced()
	m.cl.Produce(ctx, r, promise(acked))
}

// ProduceAll implements [transport.Producer].
func (m *member) ProduceAll(ctx context.Context, next func() *transport.Record, acked func(*transport.Record, error)) {
	m.noteProduced()
	produceAll(ctx, m.cl, next, acked)
}

func (m *member) noteProduced() {
	if !m.produced.Load() {
		m.produced.Store(true)
	}
}

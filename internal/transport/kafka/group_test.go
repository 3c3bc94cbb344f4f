package kafka

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// told is what a member of a group was told.
type told struct {
	mu       sync.Mutex
	assigned int // times, with partitions
	empty    int // times, without
	revoked  int
	lost     int
	records  int
	err      error // that ended polling
}

func (m *told) get() (t struct {
	assigned, empty, revoked, lost, records int
	err                                     error
}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.assigned, t.empty, t.revoked, t.lost, t.records, t.err = m.assigned, m.empty, m.revoked, m.lost, m.records, m.err
	return t
}

// joinAndPoll makes a member that polls until the test ends or stop.
func joinAndPoll(t testing.TB, c *Cluster, group string, topics ...string) (g transport.Group, m *told, stop func()) {
	t.Helper()
	m = &told{}
	count := func(n *int) func(context.Context, transport.Assignment) {
		return func(_ context.Context, a transport.Assignment) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(a) == 0 {
				m.empty++
				return
			}
			*n++
		}
	}
	g, err := c.Join(t.Context(), transport.GroupConfig{Group: group, Topics: topics,
		Assigned: count(&m.assigned), Revoked: count(&m.revoked), Lost: count(&m.lost)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var polling sync.WaitGroup
	polling.Go(func() {
		for {
			fs, err := g.Poll(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				m.mu.Lock()
				m.err = err
				m.mu.Unlock()
				return
			}
			m.mu.Lock()
			for _, f := range fs {
				m.records += len(f.Records)
			}
			m.mu.Unlock()
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		polling.Wait()
		g.Close()
	})
	t.Cleanup(stop)
	return g, m, stop
}

// expel makes the group believe that a member leaves.
func expel(t testing.TB, c *Cluster, group, id string) {
	t.Helper()
	cl, err := c.tables.controlClient()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, id
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = id
	req.Members = append(req.Members, member)
	resp, err := req.RequestWith(limited(t), cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A member that the group threw out is told that its partitions are lost, and
// gets them again, from what was committed on.
func TestExpelledMember(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic, group := newTopic(t, c, 2), unique(t, "group")
	send(t, c, topic, 0, "a")
	g, m, _ := joinAndPoll(t, c, group, topic)
	waitFor(t, "the record", func() bool { return m.get().records == 1 })
	id, _ := g.Member()
	expel(t, c, group, id)
	waitFor(t, "the loss, and the record again", func() bool {
		s := m.get()
		return s.lost == 1 && s.assigned == 2 && s.records == 2
	})
	if s := m.get(); s.revoked != 0 || s.err != nil {
		t.Errorf("told %+v", s)
	}
	if err := g.Commit(limited(t), transport.Offsets{topic: {0: 1}}); err != nil {
		t.Errorf("commit after the return: %v", err)
	}
}

// A member that finds out by a commit that it was thrown out cannot commit what
// it did before, not under its new id either: others may have gone on.
func TestCommitOfAnEarlierLife(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic, group := newTopic(t, c, 2), unique(t, "group")
	send(t, c, topic, 0, "a")
	g, m, stop := joinAndPoll(t, c, group, topic)
	waitFor(t, "the record", func() bool { return m.get().records == 1 })
	id, _ := g.Member()
	expel(t, c, group, id)
	commit := func() error { return g.Commit(limited(t), transport.Offsets{topic: {0: 1}}) }
	if err := commit(); err != nil && !errors.Is(err, transport.ErrFenced) {
		t.Errorf("commit of a member that is out: %v", err)
	}
	waitFor(t, "a new id", func() bool { now, _ := g.Member(); return now != "" && now != id })
	if m.get().lost == 0 { // it was the commit that found out
		if err := commit(); !errors.Is(err, transport.ErrFenced) {
			t.Errorf("commit under a new id: %v", err)
		}
		send(t, c, topic, 0, "b") // the next poll tells
		waitFor(t, "the error", func() bool { return errors.Is(m.get().err, transport.ErrFenced) })
	}
	stop()
	committed, err := c.GroupOffsets(limited(t), group)
	if err != nil || len(committed[topic]) > 0 && m.get().lost == 0 {
		t.Errorf("committed %v, %v", committed, err)
	}
}

// A member for which there is no partition is told that it is one.
func TestMemberWithoutPartitions(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic, group := newTopic(t, c, 1), unique(t, "group")
	_, a, stop := joinAndPoll(t, c, group, topic)
	waitFor(t, "the partition", func() bool { return a.get().assigned == 1 })
	_, b, _ := joinAndPoll(t, c, group, topic)
	waitFor(t, "an assignment of nothing", func() bool { return b.get().empty > 0 })
	stop()
	waitFor(t, "the partition of the one that left", func() bool { return b.get().assigned == 1 })
}

// A commit is tried again after errors that pass, and not after others.
func TestCommitErrors(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	g, m, _ := joinAndPoll(t, c, unique(t, "group"), topic)
	waitFor(t, "the partition", func() bool { return m.get().assigned == 1 })
	offsets := transport.Offsets{topic: {0: 0}}
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.NotCoordinator, Count: 2})
	if err := g.Commit(limited(t), offsets); err != nil {
		t.Errorf("after errors that pass: %v", err)
	}
	for err, want := range map[*kerr.Error]error{
		kerr.RebalanceInProgress: transport.ErrRebalance,
		kerr.IllegalGeneration:   transport.ErrFenced,
		kerr.UnknownMemberID:     transport.ErrFenced,
	} {
		k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: err, Count: 1})
		if got := g.Commit(limited(t), offsets); !errors.Is(got, want) || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
		waitFor(t, "the member to be back", func() bool { return g.Commit(limited(t), offsets) == nil })
	}
}

// An offset that the log no longer has is an error, never a silent reset.
func TestCommittedOffsetThatIsGone(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, brokers(t))
	topic, group := newTopic(t, c, 1), unique(t, "group")
	send(t, c, topic, 0, numbered("v", 5)...)
	g, m, stop := joinAndPoll(t, c, group, topic)
	waitFor(t, "the records", func() bool { return m.get().records == 5 })
	if err := g.Commit(limited(t), transport.Offsets{topic: {0: 2}}); err != nil {
		t.Fatal(err)
	}
	stop()
	deleteRecords(t, c, topic, 4)
	g, err := c.Join(t.Context(), transport.GroupConfig{Group: group, Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	var out *transport.OffsetOutOfRangeError
	if _, err := g.Poll(limited(t)); !errors.As(err, &out) || out.First != 4 || out.End != 5 {
		t.Errorf("%v", err)
	}
}

// A commit ends with its context while no coordinator answers.
func TestCommitHonoursItsContext(t *testing.T) {
	k := newFake(t)
	c := newTestCluster(t, k.ListenAddrs())
	topic := newTopic(t, c, 1)
	g, m, _ := joinAndPoll(t, c, unique(t, "group"), topic)
	waitFor(t, "the partition", func() bool { return m.get().assigned == 1 })
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 1 << 20})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := g.Commit(ctx, transport.Offsets{topic: {0: 0}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport/peers"
)

// groupWatch watches other members of a member's group (see package peers), and
// has the group go on without one that is dead: its transaction is aborted and
// its id fenced, then it is taken out of the group, which rebalances at once.
//
// Who is there is asked for after each rebalance: brokers give the members'
// subscriptions once the group is stable. Of the members, in the order of their
// ids, each watches the next few, so that the connections do not grow with the
// square of the group.
type groupWatch struct {
	m     *member
	poke  chan struct{}
	stop  context.CancelFunc
	owner sync.WaitGroup
}

// watchedMembers is how many others a member watches: a group hears at once of
// as many that die together, whoever they are.
const watchedMembers = 3

// describeWait is how long to wait for a group to be stable.
const describeWait = 200 * time.Millisecond

// removeTimeout bounds taking a dead member out of the group.
const removeTimeout = 15 * time.Second

func newGroupWatch(m *member) *groupWatch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &groupWatch{m: m, poke: make(chan struct{}, 1), stop: cancel}
	w.owner.Go(func() { w.run(ctx) })
	return w
}

// changed tells that the group may have other members now.
func (w *groupWatch) changed() {
	if w == nil {
		return
	}
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func (w *groupWatch) close() {
	if w != nil {
		w.stop()
		w.owner.Wait()
	}
}

// other is a member that is watched.
type other struct {
	id string
	watched
}

func (w *groupWatch) run(ctx context.Context) {
	watching := map[other]context.CancelFunc{}
	for again := (<-chan time.Time)(nil); ; {
		select {
		case <-w.poke:
		case <-again:
		case <-ctx.Done():
			for _, stop := range watching {
				stop()
			}
			return
		}
		others, err := w.others(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, errUnstable) {
				w.m.c.cfg.Logger.Warn("kafka: could not ask who is in the group; nobody new is watched", "group", w.m.cfg.Group, "error", err)
			}
			again = time.After(describeWait)
			continue
		}
		again = nil
		for o, stop := range watching {
			if !slices.Contains(others, o) {
				stop()
				delete(watching, o)
			}
		}
		for _, o := range others {
			if watching[o] != nil {
				continue
			}
			octx, stop := context.WithCancel(ctx)
			watching[o] = stop
			w.owner.Go(func() {
				if peers.Watch(octx, o.Peer) {
					w.remove(octx, o)
				}
			})
		}
	}
}

var errUnstable = errors.New("the group rebalances")

// others returns the members that this one is to watch.
func (w *groupWatch) others(ctx context.Context) ([]other, error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	g, err := w.m.describe(ctx)
	if err != nil {
		return nil, err
	}
	if g.State != "Stable" {
		return nil, errUnstable
	}
	own, _ := w.m.Member()
	return watchList(g.Members, own, w.m.c.peers.Peer()), nil
}

// watchList chooses from a group's members the next ones after the own in the
// ring of ids, of those that can be watched and are of other processes.
func watchList(members []kmsg.DescribeGroupsResponseGroupMember, own string, self peers.Peer) []other {
	var all []other
	for _, member := range members {
		if member.InstanceID != nil || member.MemberID == own {
			continue // its partitions are to wait for a static member
		}
		var meta kmsg.ConsumerMemberMetadata
		if meta.ReadFrom(member.ProtocolMetadata) != nil {
			continue // of another kind
		}
		seen, err := readWatched(meta.UserData)
		if err != nil || seen.Address == "" || seen.Peer == self {
			continue
		}
		all = append(all, other{member.MemberID, seen})
	}
	slices.SortFunc(all, func(a, b other) int { return cmp.Compare(a.id, b.id) })
	next, _ := slices.BinarySearchFunc(all, own, func(o other, id string) int { return cmp.Compare(o.id, id) })
	ring := slices.Concat(all[next:], all[:next])
	return ring[:min(len(ring), watchedMembers)]
}

// remove takes a dead member out of the group, after what it left open was
// aborted. A failure only costs time: its session times out.
func (w *groupWatch) remove(ctx context.Context, o other) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	log := w.m.c.cfg.Logger.With("group", w.m.cfg.Group, "member", o.id, "address", o.Address)
	var err error
	if o.transactional != "" {
		err = w.m.fence(ctx, o.transactional)
	}
	if err == nil {
		err = w.m.expel(ctx, o.id)
	}
	if err != nil {
		log.Warn("kafka: a member is dead and could not be taken out of the group; its session has to time out", "error", err)
		return
	}
	log.Info("kafka: a member is dead and was taken out of the group")
}

// expel takes a member out of the group that is not alive.
func (m *member) expel(ctx context.Context, id string) error {
	for n := 1; ; n++ {
		err := m.tryExpel(ctx, id)
		if err == nil {
			return nil
		}
		if !kerr.IsRetriable(err) || !wait(ctx, backoff(n)) {
			return fmt.Errorf("take member %q out of group %s: %w", id, m.cfg.Group, err)
		}
	}
}

func (m *member) tryExpel(ctx context.Context, id string) error {
	leaving := kmsg.NewLeaveGroupRequestMember()
	leaving.MemberID = id
	leaving.Reason = kmsg.StringPtr("its process is dead")
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = m.cfg.Group
	req.Members = append(req.Members, leaving)
	resp, err := req.RequestWith(ctx, m.cl)
	if err != nil {
		return err
	}
	errs := []error{kerr.ErrorForCode(resp.ErrorCode)}
	for _, left := range resp.Members {
		if err := kerr.ErrorForCode(left.ErrorCode); !errors.Is(err, kerr.UnknownMemberID) { // gone already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

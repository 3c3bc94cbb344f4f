package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// A member that is killed leaves a transaction open. Its coordinator aborts it
// after the transaction's timeout, which it looks at every ten seconds
// (transaction.abort.timed.out.transaction.cleanup.interval.ms); until then
// nobody reads what is committed behind it, and who restores the member's
// tables waits. Whoever gets the partitions knows that the member is gone, and
// ends its transaction at once: by asking for a producer id in its name, which
// aborts what is open and fences it for good, should it come back.
//
// The name comes with the offsets: each commit of a member with transactions
// has its signature as metadata. A signature may be old: of a member that has
// joined again since, under another id, and committed nothing of the partition.
// Its transactions are young, as they are committed all the time, whereas one
// of a killed member is as old as the session that had to time out. To fence
// one that lives does no harm but that it starts again.

// signature says who committed an offset.
type signature struct {
	Member        string `json:"member"`
	Transactional string `json:"transactionalId"`
}

// maxSignature bounds what is read as one: Kafka's offset.metadata.max.bytes.
const maxSignature = 4096

func (s signature) String() string {
	b, err := json.Marshal(s)
	if err != nil || len(b) > maxSignature {
		return ""
	}
	return string(b)
}

// parseSignature reads the metadata of an offset, which may be anybody's.
func parseSignature(metadata string) (s signature, ok bool) {
	if len(metadata) > maxSignature || json.Unmarshal([]byte(metadata), &s) != nil {
		return signature{}, false
	}
	return s, s.Member != "" && s.Transactional != ""
}

// fenceTimeout bounds how long an assignment is held up.
const fenceTimeout = 15 * time.Second

// fencePredecessors ends the transactions of members that had the partitions
// and are gone. A failure only costs time: the transactions time out.
func (m *member) fencePredecessors(ctx context.Context, a transport.Assignment) {
	if m.cfg.TransactionalID == "" || len(a) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	if err := m.tryFence(ctx, a); err != nil {
		m.c.cfg.Logger.Warn("kafka: could not look for open transactions of members that are gone; they time out", "group", m.cfg.Group, "error", err)
	}
}

func (m *member) tryFence(ctx context.Context, a transport.Assignment) error {
	found, err := m.committers(ctx, a)
	if err != nil || len(found) == 0 {
		return err
	}
	members, err := m.members(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range found {
		if members[s.Member] || s.Transactional == m.cfg.TransactionalID {
			continue // it gave the partitions up in order, and goes on with others
		}
		switch open, err := m.ongoing(ctx, s.Transactional); {
		case err != nil:
			errs = append(errs, err)
		case open:
			errs = append(errs, m.fence(ctx, s.Transactional))
		}
	}
	return errors.Join(errs...)
}

// expelFormer takes out of the group what this member was in an earlier life: a
// process that was killed, and is started again before its session is over,
// would wait for itself. Who has its transactional id is the only one that may
// have it, so the earlier one is dead, or fenced. A static member is no other
// than before.
func (m *member) expelFormer(ctx context.Context) error {
	if m.cfg.InstanceID != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
	found, err := m.committers(ctx, nil)
	if err != nil || !slices.ContainsFunc(found, m.former) {
		return err
	}
	members, err := m.members(ctx)
	if err != nil {
		return err
	}
	for _, s := range found {
		if !m.former(s) || !members[s.Member] {
			continue
		}
		if err := m.expel(ctx, s.Member); err != nil {
			return err
		}
		m.c.cfg.Logger.Info("kafka: took an earlier run of this process out of the group", "group", m.cfg.Group, "member", s.Member)
	}
	return nil
}

func (m *member) former(s signature) bool { return s.Transactional == m.cfg.TransactionalID }

// committers returns who committed the offsets of the partitions last; of all
// of the group's partitions for nil.
func (m *member) committers(ctx context.Context, a transport.Assignment) ([]signature, error) {
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = m.cfg.Group
	if len(a) > 0 {
		ids, err := m.idsOf(ctx)
		if err != nil {
			return nil, err
		}
		for topic, ps := range a {
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic, t.TopicID, t.Partitions = topic, ids[topic], ps
			g.Topics = append(g.Topics, t)
		}
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, m.cl)
	if err != nil {
		return nil, fmt.Errorf("fetch offsets of group %s: %w", m.cfg.Group, err)
	}
	var found []signature
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			if errors.Is(err, kerr.GroupIDNotFound) {
				continue // it is new
			}
			return nil, fmt.Errorf("fetch offsets of group %s: %w", m.cfg.Group, err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.Metadata == nil {
					continue
				}
				if s, ok := parseSignature(*p.Metadata); ok && !slices.Contains(found, s) {
					found = append(found, s)
				}
			}
		}
	}
	return found, nil
}

// members returns the ids of the group's members.
func (m *member) members(ctx context.Context) (map[string]bool, error) {
	g, err := m.describe(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, member := range g.Members {
		ids[member.MemberID] = true
	}
	return ids, nil
}

// describe asks for the state of the group.
func (m *member) describe(ctx context.Context) (g kmsg.DescribeGroupsResponseGroup, err error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{m.cfg.Group}
	resp, err := req.RequestWith(ctx, m.cl)
	if err == nil && len(resp.Groups) != 1 {
		err = fmt.Errorf("the answer has %d groups", len(resp.Groups))
	}
	if err == nil {
		g = resp.Groups[0]
		err = kerr.ErrorForCode(g.ErrorCode)
	}
	if err != nil {
		return g, fmt.Errorf("describe group %s: %w", m.cfg.Group, err)
	}
	return g, nil
}

// ongoing says whether a transaction is open that nobody has decided to end,
// and old.
func (m *member) ongoing(ctx context.Context, id string) (bool, error) {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{id}
	resp, err := req.RequestWith(ctx, m.cl)
	if err != nil {
		return false, fmt.Errorf("describe transaction %s: %w", id, err)
	}
	for _, s := range resp.TransactionStates {
		switch err := kerr.ErrorForCode(s.ErrorCode); {
		case errors.Is(err, kerr.TransactionalIDNotFound):
			return false, nil // expired
		case err != nil:
			return false, fmt.Errorf("describe transaction %s: %w", id, err)
		case s.State == "Ongoing":
			return time.Since(time.UnixMilli(s.StartTimestamp)) >= m.c.cfg.SessionTimeout/2, nil
		}
	}
	return false, nil
}

// fence aborts the open transaction of a transactional id and waits until it is
// aborted. Its owner cannot commit any more.
func (m *member) fence(ctx context.Context, id string) error {
	for n := 1; ; n++ {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = kmsg.StringPtr(id)
		req.TransactionTimeoutMillis = int32(transactionTimeout(m.cfg).Milliseconds())
		resp, err := req.RequestWith(ctx, m.cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case err == nil:
			m.c.cfg.Logger.Info("kafka: aborted the transaction of a member that is gone", "group", m.cfg.Group, "transactionalId", id)
			return nil
		case !kerr.IsRetriable(err) && !errors.Is(err, kerr.ConcurrentTransactions), // it is being aborted
			!wait(ctx, backoff(n)):
			return fmt.Errorf("abort transaction %s: %w", id, err)
		}
	}
}

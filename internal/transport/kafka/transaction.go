package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// defaultTransactionTimeout is how long a transaction may be open before the
// coordinator aborts it: how long the records behind one of a killed member
// are held back from those who read what is committed.
const defaultTransactionTimeout = 10 * time.Second

// transactional are the options of a member whose records and offsets are
// committed in transactions.
func transactional(cfg transport.GroupConfig) []kgo.Opt {
	if cfg.TransactionalID == "" {
		return nil
	}
	return []kgo.Opt{kgo.TransactionalID(cfg.TransactionalID), kgo.TransactionTimeout(transactionTimeout(cfg))}
}

func transactionTimeout(cfg transport.GroupConfig) time.Duration {
	if cfg.TransactionTimeout <= 0 {
		return defaultTransactionTimeout
	}
	return cfg.TransactionTimeout
}

// Begin implements [transport.Group].
func (m *member) Begin(ctx context.Context) error {
	if err := m.canTransact(ctx); err != nil {
		return err
	}
	m.produced.Store(false)
	if err := m.cl.BeginTransaction(); err != nil {
		return m.transactionError(ctx, "begin", err)
	}
	if !m.begun {
		m.begun = true
		if err := m.expelFormer(ctx); err != nil {
			m.c.cfg.Logger.Warn("kafka: could not look for an earlier run of this process in the group; its session has to time out", "group", m.cfg.Group, "error", err)
		}
	}
	return nil
}

// canTransact asks the cluster, once, whether it has transactions of version 2
// (KIP-890), the default of Kafka 4. In the older protocol a produce request
// that was delayed can become part of a later transaction.
func (m *member) canTransact(ctx context.Context) error {
	if m.transacts {
		return nil
	}
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, m.cl)
	if err != nil {
		return m.transactionError(ctx, "begin", err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= 2 {
			m.transacts = true
			return nil
		}
	}
	return fmt.Errorf("%w: the cluster's feature transaction.version is below 2: "+
		"upgrade it (kafka-features.sh upgrade --feature transaction.version=2, Kafka 4.0 or newer), or choose at-least-once",
		transport.ErrNoTransactions)
}

// CommitTransaction implements [transport.Group].
//
// The offsets go into the transaction by a request of our own: franz-go's
// GroupTransactSession commits what was polled, which is more than what was
// processed. With transactions of version 2 the request adds the group to the
// transaction by itself. The epoch changes with every transaction, so it is
// asked for each time.
//
// franz-go ends no transaction in which it produced nothing, whatever was
// added to it from outside; then the offsets are committed plainly.
func (m *member) CommitTransaction(ctx context.Context, offsets transport.Offsets) error {
	if !m.produced.Load() {
		if err := m.Commit(ctx, offsets); err != nil {
			return stillOpen(err) // that of nothing
		}
		return m.end(ctx, kgo.TryCommit)
	}
	for n := 1; ; n++ {
		err := m.commitOffsetsInTransaction(ctx, offsets)
		if err == nil {
			break
		}
		// The markers of the transaction before may still be under way on a
		// busy cluster: it passes, although kerr does not say so.
		again := kerr.IsRetriable(err) || errors.Is(err, kerr.ConcurrentTransactions)
		if !again || errors.Is(err, kerr.RebalanceInProgress) || !wait(ctx, backoff(n)) {
			return stillOpen(m.commitError(ctx, err))
		}
	}
	if err := m.settleTopics(ctx); err != nil {
		return stillOpen(m.transactionError(ctx, "commit", err))
	}
	err := m.end(ctx, kgo.TryCommit)
	if errors.Is(err, kerr.OperationNotAttempted) || errors.Is(err, kerr.TransactionAbortable) {
		return stillOpen(err) // the client, or the coordinator, wants it aborted
	}
	return err
}

// settleTopics waits until franz-go has noted the topics that were produced to for
// the first time. It sends what waited for a topic's partitions before it notes
// them (storePartitionsUpdate, up to 1.22.3 at least), and ends a transaction by
// what it has noted: one that is ended in between looks as if no record had
// arrived, and is aborted where it was to be committed, without an error. It notes
// them with a lock that AbortBufferedRecords takes. All records of the transaction
// are acknowledged here, so that there are none to abort.
func (m *member) settleTopics(ctx context.Context) error { return m.cl.AbortBufferedRecords(ctx) }

func stillOpen(err error) error { return fmt.Errorf("%w: %w", transport.ErrTransactionOpen, err) }

// commitOffsetsInTransaction sends a TxnOffsetCommit with the member's id and
// generation (KIP-447), so that the coordinator refuses a member that is out of
// the group.
func (m *member) commitOffsetsInTransaction(ctx context.Context, offsets transport.Offsets) error {
	id, epoch, err := m.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	ids, err := m.idsOf(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = m.cfg.TransactionalID, id, epoch
	req.Group = m.cfg.Group
	req.MemberID, req.Generation = m.cl.GroupMetadata()
	if m.cfg.InstanceID != "" {
		req.InstanceID = kmsg.StringPtr(m.cfg.InstanceID)
	}
	signed := signature{req.MemberID, m.cfg.TransactionalID}.String()
	for topic, ps := range offsets {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, ids[topic]
		for p, next := range ps {
			part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			part.Partition, part.Offset, part.Metadata = p, next, &signed
			t.Partitions = append(t.Partitions, part)
		}
		req.Topics = append(req.Topics, t)
	}
	if err := m.admitTransaction(req); err != nil {
		return err
	}
	resp, err := req.RequestWith(ctx, m.cl)
	if err != nil {
		return err
	}
	if resp.Version < 5 {
		return fmt.Errorf("%w: the group's coordinator knows TxnOffsetCommit up to version %d, 5 is needed (Kafka 4.0)",
			transport.ErrNoTransactions, resp.Version)
	}
	names := map[[16]byte]string{} // the response has ids only
	for topic, id := range ids {
		names[id] = topic
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("topic %s, partition %d: %w", cmp.Or(t.Topic, names[t.TopicID]), p.Partition, err)
			}
		}
	}
	return nil
}

// admitTransaction is admit for offsets in a transaction.
func (m *member) admitTransaction(req *kmsg.TxnOffsetCommitRequest) error {
	if req.MemberID == "" || req.Generation < 0 {
		return fmt.Errorf("%w: it has not joined", transport.ErrFenced)
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if err := m.has(req.MemberID, transport.TopicPartition{Topic: t.Topic, Partition: p.Partition}); err != nil {
				return err
			}
		}
	}
	return nil
}

// idsOf asks for the ids of the member's topics, once: TxnOffsetCommit names
// topics by id (KIP-1319). A topic that is deleted and made anew meanwhile has
// another; offsets of the old one are refused then.
func (m *member) idsOf(ctx context.Context) (map[string][16]byte, error) {
	m.idsMu.Lock()
	defer m.idsMu.Unlock()
	if m.topicIDs != nil {
		return m.topicIDs, nil
	}
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range m.cfg.Topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, m.cl)
	if err != nil {
		return nil, err
	}
	ids := map[string][16]byte{}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("topic %s: %w", *t.Topic, err)
		}
		ids[*t.Topic] = t.TopicID
	}
	m.topicIDs = ids
	return ids, nil
}

// AbortTransaction implements [transport.Group].
func (m *member) AbortTransaction(ctx context.Context) error {
	if err := m.cl.AbortBufferedRecords(ctx); err != nil {
		return m.transactionError(ctx, "abort", err)
	}
	return m.end(ctx, kgo.TryAbort)
}

func (m *member) end(ctx context.Context, how kgo.TransactionEndTry) error {
	what := "abort"
	if how == kgo.TryCommit {
		what = "commit"
	}
	if err := m.cl.EndTransaction(ctx, how); err != nil {
		return m.transactionError(ctx, what, err)
	}
	return nil
}

func (m *member) transactionError(ctx context.Context, what string, err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, kerr.InvalidProducerIDMapping),
		errors.Is(err, kerr.TransactionAbortable), errors.Is(err, kerr.InvalidTxnState):
		err = fmt.Errorf("%w: %w", transport.ErrFenced, err)
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return fmt.Errorf("%s transaction %s of group %s: %w", what, m.cfg.TransactionalID, m.cfg.Group, err)
}

package memory

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/transport"
)

// transaction is what a member does between Begin and its end. Records that it
// produces get their offsets at once, and are read once it is committed.
//
//	ongoing ──CommitTransaction──▶ committed
//	   └──AbortTransaction, Kill, the next Begin of its id──▶ aborted
type transaction struct {
	state   transactionState
	records []txRecord
	logs    []*partitionLog // with records of it, each once
}

type transactionState int

const (
	ongoing transactionState = iota
	committed
	aborted
)

type txRecord struct {
	t *topic
	r *transport.Record
}

func (x *transaction) open() bool      { return x.state == ongoing }
func (x *transaction) committed() bool { return x.state == committed }

func (x *transaction) add(t *topic, log *partitionLog, r *transport.Record) {
	x.records = append(x.records, txRecord{t, r})
	for _, l := range x.logs {
		if l == log {
			return
		}
	}
	x.logs = append(x.logs, log)
}

// end ends a transaction: a marker is written to each partition that it wrote
// to. The caller holds the cluster's lock.
func (x *transaction) end(c *Cluster, s transactionState) {
	if x == nil || !x.open() {
		return
	}
	x.state = s
	for _, r := range x.records {
		if s == committed {
			c.arrived(r.t, r.r)
		}
	}
	for _, log := range x.logs {
		log.append(nil, x)
	}
	x.records, x.logs = nil, nil
}

var errNoTransaction = errors.New("no transaction was begun")

// Begin implements transport.Group.
func (m *member) Begin(context.Context) error {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	id := m.cfg.TransactionalID
	switch {
	case m.dead:
		return transport.ErrClosed
	case id == "":
		return errors.New("begin a transaction: the member has no transactional id")
	case m.tx != nil && m.tx.open():
		return errors.New("begin a transaction: one is open")
	}
	if other := m.c.transactional[id]; other != m.client && other != nil { // fenced
		other.tx.end(m.c, aborted)
		other.fenced = true
	}
	m.c.transactional[id] = m.client
	m.tx = &transaction{}
	m.c.changed()
	return nil
}

// CommitTransaction implements transport.Group.
func (m *member) CommitTransaction(ctx context.Context, offsets transport.Offsets) error {
	err := m.commit(ctx, offsets, func() error {
		switch {
		case m.tx == nil || !m.tx.open():
			return fmt.Errorf("commit: %w", errNoTransaction)
		case m.fenced:
			return fmt.Errorf("transactional id %s: %w", m.cfg.TransactionalID, transport.ErrFenced)
		}
		return nil
	}, func() { m.tx.end(m.c, committed) })
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if errors.Is(err, transport.ErrFenced) && !m.fenced && m.tx.open() {
		return fmt.Errorf("%w: %w", transport.ErrTransactionOpen, err)
	}
	return err
}

// AbortTransaction implements transport.Group.
func (m *member) AbortTransaction(context.Context) error {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.fenced {
		return fmt.Errorf("transactional id %s: %w", m.cfg.TransactionalID, transport.ErrFenced)
	}
	m.tx.end(m.c, aborted)
	m.c.changed()
	return nil
}

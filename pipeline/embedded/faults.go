package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fault says which requests fail and how. Each field that is set narrows it
// down; a request that does not carry what is asked for (a heartbeat has no
// topic) is left alone.
type Fault struct {
	Keys            []kmsg.Key // the requests; none means all
	Topic           string
	Partitions      []int32
	Group           string
	TransactionalID string

	// Err is the error to answer with, one of package kerr. The broker then
	// does not do what was asked; but with kerr.RequestTimedOut it does, as a
	// cluster may.
	Err error
	// Count is the number of requests to fail. 0 means 1, and -1 all until
	// Remove.
	Count int
	// TopLevel fails the request as a whole and not its topics and partitions
	// one by one, for kinds of requests that know the difference.
	TopLevel bool
}

// InjectedFault is a fault in force.
type InjectedFault struct {
	h *kfake.FaultHandle
}

// Hits returns how many requests failed.
func (f *InjectedFault) Hits() int { return f.h.Hits() }

// Wait waits until n requests failed, or returns the context's error.
func (f *InjectedFault) Wait(ctx context.Context, n int) error { return f.h.Wait(ctx, n) }

// Remove ends the fault.
func (f *InjectedFault) Remove() { f.h.Remove() }

// Inject puts a fault in force, for tests of clients. It ends with the next
// Stop.
func (b *Broker) Inject(f Fault) (*InjectedFault, error) {
	var kind *kerr.Error
	if !errors.As(f.Err, &kind) {
		return nil, fmt.Errorf("embedded broker: fault: %v is not an error of package kerr", f.Err)
	}
	var h *kfake.FaultHandle
	err := b.with(func(r *run) error {
		h = r.cluster.Fault(kfake.Fault{
			Keys: f.Keys, Topic: f.Topic, Partitions: f.Partitions, Group: f.Group, TxnID: f.TransactionalID,
			Err: kind, Count: f.Count, TopLevel: f.TopLevel,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &InjectedFault{h}, nil
}

// FailNext fails the next n requests of a kind with an error of package kerr.
func (b *Broker) FailNext(key kmsg.Key, n int, err error) (*InjectedFault, error) {
	if n < 1 {
		return nil, fmt.Errorf("embedded broker: fault: %d requests to fail", n)
	}
	return b.Inject(Fault{Keys: []kmsg.Key{key}, Count: n, Err: err})
}

// Intercept calls f with every request of a kind, until the next Stop. If f
// returns a response or an error, the request is not carried out: the response
// is sent to the client, or the connection is closed. Otherwise the request
// goes its way, and f has observed it.
//
// f runs on the broker's goroutine: nothing else is served until it returns,
// and it must not call the broker's methods.
func (b *Broker) Intercept(key kmsg.Key, f func(kmsg.Request) (kmsg.Response, error)) error {
	return b.with(func(r *run) error {
		r.cluster.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
			r.cluster.KeepControl()
			resp, err := f(req)
			return resp, err, resp != nil || err != nil
		})
		return nil
	})
}

// MoveLeader makes a node, counted from 0, the leader of a partition.
func (b *Broker) MoveLeader(topic string, partition, node int32) error {
	return b.with(func(r *run) error {
		if err := r.cluster.MoveTopicPartition(topic, partition, node); err != nil {
			return fmt.Errorf("embedded broker: move partition %d of %s to node %d: %w", partition, topic, node, err)
		}
		return nil
	})
}

// DropConnections closes every client's connection, without a word, and
// returns how many there were. Clients can connect again at once.
func (b *Broker) DropConnections() int {
	var n int
	_ = b.with(func(r *run) error { n = r.front.cut(); return nil }) // stopped: there are none
	return n
}

// with calls f with the running broker.
func (b *Broker) with(f func(*run) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == nil {
		return ErrStopped
	}
	return f(b.run)
}

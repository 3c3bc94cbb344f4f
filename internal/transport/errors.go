package transport

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

var (
	// ErrTopicExists is returned by Create for a topic that exists.
	ErrTopicExists = errors.New("topic exists already")
	// ErrUnknownTopic is returned where a topic is needed that does not exist.
	ErrUnknownTopic = errors.New("topic does not exist")
	// ErrRebalance says that a commit met a rebalance; it may be tried again.
	ErrRebalance = errors.New("group is rebalancing")
	// ErrFenced says that the member is no longer in the group; its
	// partitions belong to others.
	ErrFenced = errors.New("member is no longer in the group")
	// ErrInstanceIDTaken says that another member of the group has the same
	// instance id.
	ErrInstanceIDTaken = errors.New("another process has the same instance id")
	// ErrTransactionOpen says that a commit failed before the transaction's end
	// was asked for.
	ErrTransactionOpen = errors.New("transaction was not committed")
	// ErrNoTransactions says that the cluster has not the transactions that
	// exactly-once needs.
	ErrNoTransactions = errors.New("cluster has no transactions of version 2")
	// ErrClosed is returned by a closed cluster, group or producer.
	ErrClosed = errors.New("transport is closed")
)

// Fenced says whether an error, of a record that was produced among others, means
// that the member's place is taken: it is out of the group, or its transactional id
// is another's, or the brokers have ended its transaction for being late.
func Fenced(err error) bool {
	return errors.Is(err, ErrFenced) || errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// OffsetOutOfRangeError says that a table cannot be read from where its store
// ends: the log was deleted or truncated since.
type OffsetOutOfRangeError struct {
	TopicPartition
	From, First, End int64
}

func (e *OffsetOutOfRangeError) Error() string {
	return fmt.Sprintf("topic %s partition %d: offset %d lies outside the log [%d, %d)",
		e.Topic, e.Partition, e.From, e.First, e.End)
}

// Why no broker can be used; see [ConnectError].
var (
	ErrUnreachable    = errors.New("no broker answers")
	ErrTLS            = errors.New("TLS failed")
	ErrAuthentication = errors.New("authentication failed")
)

// ConnectError says why a broker cannot be used, and what to do about it. It
// is one of ErrUnreachable, ErrTLS and ErrAuthentication; the latter two do not
// pass by waiting.
type ConnectError struct {
	Address string
	Kind    error
	Remedy  string
	Err     error
}

func (e *ConnectError) Error() string {
	return fmt.Sprintf("broker %s: %v: %v; %s", e.Address, e.Kind, e.Err, e.Remedy)
}

// Unwrap makes errors.Is find the kind and the cause.
func (e *ConnectError) Unwrap() []error { return []error{e.Kind, e.Err} }

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// fetchError returns what the caller of Poll has to know, or nil if franz-go
// mends it: it tries again whatever may pass, joins again after a lost session,
// and says what it did.
func (m *member) fetchError(ctx context.Context, topic string, partition int32, err error) error {
	var session *kgo.ErrGroupSession
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return transport.ErrClosed
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil // Poll's own
	case errors.As(err, &session):
		if errors.Is(session.Err, kerr.FencedInstanceID) {
			return m.taken(session.Err)
		}
		if hopeless(session.Err) {
			return fmt.Errorf("group %s: %w", m.cfg.Group, session.Err)
		}
		m.c.cfg.Logger.Warn("kafka: the group's session failed; joining again", "group", m.cfg.Group, "error", session.Err)
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return m.outOfRange(ctx, transport.TopicPartition{Topic: topic, Partition: partition}, err)
	case errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("topic %s, partition %d was deleted, or deleted and made anew: %w: %w",
			topic, partition, transport.ErrUnknownTopic, err)
	case kerr.IsRetriable(err):
		m.c.cfg.Logger.Debug("kafka: fetch is tried again", "topic", topic, "partition", partition, "error", err)
		return nil
	}
	return fmt.Errorf("fetch topic %s, partition %d: %w", topic, partition, err)
}

// taken names the member that was replaced by one of its instance id.
func (m *member) taken(err error) error {
	return fmt.Errorf("group %s, instance id %s: %w: %w", m.cfg.Group, m.cfg.InstanceID, transport.ErrInstanceIDTaken, err)
}

// hopeless says whether joining a group fails in a way that only a change of
// configuration or of rights mends.
func hopeless(err error) bool {
	for _, e := range []error{
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.SaslAuthenticationFailed, kerr.InvalidGroupID, kerr.InvalidSessionTimeout,
		kerr.InconsistentGroupProtocol, kerr.GroupMaxSizeReached, kerr.UnsupportedVersion,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// outOfRange tells what is in the log instead of the offset that was asked
// for, which is the committed one or the one after the last that was polled.
func (m *member) outOfRange(ctx context.Context, tp transport.TopicPartition, err error) error {
	first, end, berr := m.c.Bounds(ctx, tp)
	if berr != nil {
		return fmt.Errorf("fetch topic %s, partition %d: %w: %w", tp.Topic, tp.Partition, err, berr)
	}
	from := int64(-1)
	if o, ok := m.cl.CommittedOffsets()[tp.Topic][tp.Partition]; ok {
		from = o.Offset
	}
	return fmt.Errorf("group %s cannot go on where it was; reset its offset to go on, with a loss or twice: %w: %w", m.cfg.Group,
		&transport.OffsetOutOfRangeError{TopicPartition: tp, From: from, First: first, End: end}, err)
}

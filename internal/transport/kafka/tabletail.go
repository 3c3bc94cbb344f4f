package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/transport"
)

// A log may end in offsets of which a client delivers nothing: records of an
// aborted transaction, batches that compaction emptied, a hole where it removed
// batches. Control records are kept and mark most of these ends, but compaction
// removes them too (delete.retention.ms after their transaction's records).
// franz-go moves past such offsets in silence, and ReadTable would wait for
// ever to hear that its position has reached the end.
//
// So a reader that hears nothing for a while and is not at the end asks the
// leader itself: a fetch without a session, of committed records from its
// position on, answered at once. There is
//
//   - a record: franz-go will deliver it, and the reader goes on waiting;
//   - batches without a record to deliver: the position moves past them;
//   - nothing at all, and the last stable offset lies beyond the position: the
//     broker answers with the first batch at or after the position that lies
//     below the last stable offset, whatever its size, so that there is none.
//     The position moves to the last stable offset;
//   - nothing at all, and the last stable offset is the position: a transaction
//     is open, and is waited out.
//
// An answer without anything is believed the third time only: a broker that
// throttles a client may answer so as well.

// tail is what a reader knows of the end of its log.
type tail struct {
	id    [16]byte // the topic's, from when the read began
	empty int      // answers without anything, one after the other
	away  int      // answers that there is no such topic, one after the other

	uncommitted bool // nothing is waited out
}

// believed is how often something must be seen to be believed.
const believed = 3

// errMadeAnew says that a topic is not the one that it was.
var errMadeAnew = errors.New("topic was deleted and made anew")

// look returns the offset before which there is nothing more to be delivered
// from next on; that is next if it does not know of any. Its errors end a read;
// what may pass is not among them.
func (t *tables) look(ctx context.Context, tp transport.TopicPartition, next int64, tail *tail) (int64, error) {
	meta, err := t.check(ctx, tp, tail)
	if err != nil || meta == nil {
		return next, err
	}
	rp, err := t.fetch(ctx, tp, *meta, next, tail.uncommitted)
	if err != nil {
		return next, ended(ctx, err)
	}
	p, after := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true, Offset: next, IsolationLevel: isolation(tail.uncommitted),
		Topic: tp.Topic, Partition: tp.Partition,
	}, rp, kgo.DefaultDecompressor(), nil)
	switch {
	case errors.Is(p.Err, kerr.OffsetOutOfRange):
		return next, p.Err
	case p.Err != nil || len(p.Records) > 0:
		tail.empty = 0
		return next, nil
	case len(rp.RecordBatches) > 0:
		tail.empty = 0
		return after, nil
	}
	if tail.empty++; tail.empty < believed {
		return next, nil
	}
	if tail.uncommitted {
		return max(next, p.HighWatermark), nil
	}
	return max(next, min(p.LastStableOffset, p.HighWatermark)), nil
}

// check returns a partition's metadata, or nil if they cannot be had just now.
// That the topic is not there any more is an error.
func (t *tables) check(ctx context.Context, tp transport.TopicPartition, tail *tail) (*partitionMeta, error) {
	meta, err := t.lookUp(ctx, tp)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		if tail.away++; tail.away >= believed {
			return nil, err
		}
		return nil, nil
	case err != nil:
		return nil, ended(ctx, err)
	case meta.id != tail.id:
		return nil, errMadeAnew
	}
	tail.away = 0
	return &meta, nil
}

// topicID returns the id of a partition's topic. It waits out outages.
func (t *tables) topicID(ctx context.Context, tp transport.TopicPartition) ([16]byte, error) {
	for n := 1; ; n++ {
		meta, err := t.lookUp(ctx, tp)
		unknown := errors.Is(err, kerr.UnknownTopicOrPartition)
		if err == nil || unknown && n >= believed {
			return meta.id, err
		}
		if err := ended(ctx, err); err != nil {
			return meta.id, err
		}
		if !wait(ctx, backoff(n)) {
			return meta.id, context.Cause(ctx)
		}
	}
}

// ended keeps errors that end a read: that it was cancelled or closed.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, transport.ErrClosed) {
		return transport.ErrClosed
	}
	return nil
}

// partitionMeta is what is needed to ask a partition's leader.
type partitionMeta struct {
	id     [16]byte
	leader int32
}

// lookUp asks for a partition's metadata. A topic or partition that does not
// exist is kerr.UnknownTopicOrPartition.
func (t *tables) lookUp(ctx context.Context, tp transport.TopicPartition) (partitionMeta, error) {
	cl, err := t.controlClient()
	if err != nil {
		return partitionMeta{}, err
	}
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &tp.Topic
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return partitionMeta{}, err
	}
	for _, rt := range resp.Topics {
		if err := kerr.ErrorForCode(rt.ErrorCode); err != nil {
			return partitionMeta{}, err
		}
		for _, rp := range rt.Partitions {
			if rp.Partition == tp.Partition {
				return partitionMeta{rt.TopicID, rp.Leader}, nil
			}
		}
	}
	return partitionMeta{}, kerr.UnknownTopicOrPartition
}

// fetch makes a single fetch request without a session.
func (t *tables) fetch(ctx context.Context, tp transport.TopicPartition, meta partitionMeta, from int64, uncommitted bool) (*kmsg.FetchResponseTopicPartition, error) {
	cl, err := t.controlClient()
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrFetchRequest()
	if !uncommitted {
		req.IsolationLevel = 1
	}
	req.MaxWaitMillis = 0
	req.MinBytes = 0
	req.MaxBytes = 64 << 10
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = tp.Topic, meta.id
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset = tp.Partition, from
	partition.PartitionMaxBytes = req.MaxBytes
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl.Broker(int(meta.leader)))
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	for _, rt := range resp.Topics {
		for i := range rt.Partitions {
			if rt.Partitions[i].Partition == tp.Partition {
				return &rt.Partitions[i], nil
			}
		}
	}
	return nil, fmt.Errorf("fetch of topic %s, partition %d: the broker left it out", tp.Topic, tp.Partition)
}

// controlClient is the client for requests about logs.
func (t *tables) controlClient() (*kgo.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, transport.ErrClosed
	}
	if t.control == nil {
		cl, err := kgo.NewClient(t.c.options("")...)
		if err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
		t.control = cl
	}
	return t.control, nil
}

// Package topics makes, fills, reads and removes the topics of the benchmark.
package topics

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/workload"
)

// Topics is a connection to the cluster.
type Topics struct {
	brokers    []string
	partitions int
	client     *kgo.Client
	admin      *kadm.Client
}

// Open connects to a cluster. Every topic that is made has so many partitions.
func Open(brokers []string, partitions int) (*Topics, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(20*time.Millisecond), kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &Topics{brokers, partitions, cl, kadm.NewClient(cl)}, nil
}

// Close ends the connection.
func (t *Topics) Close() { t.client.Close() }

// Make makes a topic with three replicas, and says whether it is new.
func (t *Topics) Make(ctx context.Context, name string, compacted bool) (fresh bool, err error) {
	config := map[string]*string{}
	if compacted {
		config["cleanup.policy"] = kadm.StringPtr("compact")
	}
	_, err = t.admin.CreateTopic(ctx, int32(t.partitions), 3, config, name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return false, nil
	}
	return err == nil, err
}

// Fill writes records, by Java's partitioner, and waits until all replicas
// have them.
func (t *Topics) Fill(ctx context.Context, topic string, records iter.Seq[workload.Record]) error {
	var failed error
	for r := range records {
		if ctx.Err() != nil {
			break // each of the others would fail
		}
		t.client.Produce(ctx, &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Timestamp: r.At}, func(_ *kgo.Record, err error) {
			if failed == nil { // promises come one after the other; the first error tells enough
				failed = err
			}
		})
	}
	if err := t.client.Flush(ctx); err != nil {
		return err
	}
	return failed
}

// Offer writes records at a steady rate, each with the time of its sending in
// its value, until they end.
func (t *Topics) Offer(ctx context.Context, topic string, records iter.Seq[workload.Record], rate int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed error
	began, n := time.Now(), 0
	for r := range records {
		due := began.Add(time.Duration(n) * time.Second / time.Duration(rate))
		if wait := time.Until(due); wait > time.Millisecond {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		n++
		// When it was due, not when it is sent: a sender that lags is part of what a reader sees.
		binary.BigEndian.PutUint64(r.Value, uint64(due.UnixNano()))
		cl.Produce(ctx, &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value}, func(_ *kgo.Record, err error) {
			if failed == nil {
				failed = err
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	return failed
}

// Committed returns the sum of the positions that groups have committed, on
// the topic input, and on all topics.
func (t *Topics) Committed(ctx context.Context, groups []string, input string) (onInput, onAll int64, err error) {
	for _, r := range t.admin.FetchManyOffsets(ctx, groups...) {
		if r.Err != nil && !errors.Is(r.Err, kerr.GroupIDNotFound) {
			return 0, 0, fmt.Errorf("group %s: %w", r.Group, r.Err)
		}
		r.Fetched.Each(func(o kadm.OffsetResponse) {
			if o.At < 0 {
				return
			}
			if o.Topic == input {
				onInput += o.At
			}
			onAll += o.At
		})
	}
	return onInput, onAll, nil
}

// Empty waits until a group has no members, such as after the session timeout
// of one that was killed.
func (t *Topics) Empty(ctx context.Context, group string) error {
	for {
		g, err := t.admin.DescribeGroups(ctx, group)
		if err != nil {
			return err
		}
		if len(g[group].Members) == 0 {
			return g[group].Err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// End returns the sum of a topic's end offsets.
func (t *Topics) End(ctx context.Context, topic string) (n int64, err error) {
	ends, err := t.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	ends.Each(func(o kadm.ListedOffset) { n += max(0, o.Offset) })
	return n, ends.Error()
}

// Remove removes all topics and groups whose names hold a part: some contenders
// put words of their own before it. Groups that still have members stay.
func (t *Topics) Remove(ctx context.Context, part string) error {
	all, err := t.admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	groups, err := t.admin.ListGroups(ctx, "Empty")
	if err != nil {
		return err
	}
	with := func(names []string) []string {
		return slices.DeleteFunc(names, func(n string) bool { return !strings.Contains(n, part) })
	}
	if names := with(all.Names()); len(names) > 0 {
		if _, err = t.admin.DeleteTopics(ctx, names...); err != nil {
			return err
		}
	}
	if names := with(groups.Groups()); len(names) > 0 {
		_, err = t.admin.DeleteGroups(ctx, names...)
	}
	return err
}

// Reset removes all topics of users but those to keep, and groups, whose
// members must have left or died.
func (t *Topics) Reset(ctx context.Context, groups []string, keep ...string) error {
	for _, g := range groups {
		if err := t.Empty(ctx, g); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("group %s: %w", g, err)
		}
	}
	if _, err := t.admin.DeleteGroups(ctx, groups...); err != nil {
		return err
	}
	all, err := t.admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(all.Names(), func(n string) bool { return strings.HasPrefix(n, "__") || slices.Contains(keep, n) })
	if len(names) == 0 {
		return nil
	}
	if _, err = t.admin.DeleteTopics(ctx, names...); err != nil {
		return err
	}
	// Who makes them again must not meet a broker that still knows the old ones.
	select {
	case <-time.After(settle):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle is how long brokers may take to hear that a topic is gone.
const settle = 5 * time.Second

// Read calls f for each committed record of a topic, until f returns false or
// no record has come for a while.
func (t *Topics) Read(ctx context.Context, topic string, idle time.Duration, f func(*kgo.Record) bool) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		wait, cancel := context.WithTimeout(ctx, idle)
		fetches := cl.PollFetches(wait)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if wait.Err() != nil && fetches.NumRecords() == 0 {
			return nil
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return fmt.Errorf("topic %s: %w", topic, e.Err)
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			if !f(it.Next()) {
				return nil
			}
		}
	}
}

package tool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// ReplayOptions configure Replay.
type ReplayOptions struct {
	Topic string // the dead-letter topic. Required
	Filter
	Limit  int  // of records put back. Default: all that are there when it starts
	DryRun bool // put nothing back, and note no progress

	// Group is the consumer group that notes the progress. Another group
	// begins at the oldest dead letter again. Default "millrace-replay-" and
	// the topic.
	Group string

	// Each is called for each dead letter after it was put back, or would have
	// been. Default: nothing.
	Each func(Letter)
}

// Replayed is what Replay did.
type Replayed struct {
	Replayed int // put back
	LeftOut  int // passed over because of the filter
	Foreign  int // passed over because they are no dead letters
}

// Replay puts dead letters back to the topic and the partition that they came
// from, with their own bytes, timestamp and headers. Progress is kept in a
// consumer group, in the same transaction as the records: whatever ends a
// replay, the next one goes on after it, and nothing is put back twice. What a
// filter leaves out is passed over; it stays in the topic, and a replay with
// another Group finds it.
//
// Put back records come after those that the topology has handled meanwhile:
// the order of a key is not that of the first time.
func Replay(ctx context.Context, c pipeline.Config, o ReplayOptions) (done Replayed, err error) {
	cluster, err := connect(ctx, c)
	if err != nil {
		return Replayed{}, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	return replay(ctx, cluster, o)
}

func replay(ctx context.Context, cluster transport.Cluster, o ReplayOptions) (Replayed, error) {
	if o.Group == "" {
		o.Group = "millrace-replay-" + o.Topic
	}
	if o.Limit <= 0 {
		o.Limit = int(^uint(0) >> 1)
	}
	if o.Each == nil {
		o.Each = func(Letter) {}
	}
	r := &replayer{ReplayOptions: o, cluster: cluster, ends: map[int32]int64{}, targets: map[string]int32{}}
	if err := r.look(ctx); err != nil {
		return Replayed{}, fmt.Errorf("replay of %s: %w", o.Topic, err)
	}
	if o.DryRun {
		err := list(ctx, cluster, o.Topic, r.progress, o.Filter, func(l Letter) error {
			if r.done.Replayed < o.Limit {
				r.done.Replayed++
				o.Each(l)
			}
			return nil
		})
		return r.done, err
	}
	if err := r.run(ctx); err != nil {
		return r.done, fmt.Errorf("replay of %s: %w", o.Topic, err)
	}
	return r.done, nil
}

type replayer struct {
	ReplayOptions
	cluster  transport.Cluster
	group    transport.Group
	ends     map[int32]int64  // of the topic when the replay began
	progress map[int32]int64  // of the group
	targets  map[string]int32 // partitions of the source topics
	done     Replayed
}

// look notes how far to go, and from where. A partition without records is
// done.
func (r *replayer) look(ctx context.Context) error {
	infos, err := r.cluster.Describe(ctx, r.Topic)
	if err != nil {
		return err
	}
	if _, ok := infos[r.Topic]; !ok {
		return transport.ErrUnknownTopic
	}
	for p := range infos[r.Topic].Partitions {
		first, end, err := r.cluster.Bounds(ctx, transport.TopicPartition{Topic: r.Topic, Partition: p})
		if err != nil {
			return err
		}
		if first < end {
			r.ends[p] = end
		}
	}
	return r.learn(ctx)
}

func (r *replayer) learn(ctx context.Context) error {
	offsets, err := r.cluster.GroupOffsets(ctx, r.Group)
	r.progress = offsets[r.Topic]
	return err
}

func (r *replayer) finished() bool {
	for p, end := range r.ends {
		if r.progress[p] < end {
			return r.done.Replayed >= r.Limit
		}
	}
	return true
}

// run consumes the topic as a member of the group, so that two replays at once
// share the work.
func (r *replayer) run(ctx context.Context) (err error) {
	if r.finished() {
		return nil
	}
	r.group, err = r.cluster.Join(ctx, transport.GroupConfig{Group: r.Group, Topics: []string{r.Topic},
		TransactionalID: r.Group, ControlRecords: true})
	if err != nil {
		return err
	}
	defer r.group.Close()
	for !r.finished() {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches, err := r.group.Poll(poll)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if err := r.put(ctx, fetches); err != nil {
			return err
		}
		if err := r.learn(ctx); err != nil {
			return err
		}
	}
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.group.Leave(leave)
}

// put puts fetched dead letters back in one transaction with the progress.
func (r *replayer) put(ctx context.Context, fetches []transport.Fetch) error {
	var letters []Letter
	step := Replayed{}
	next := map[int32]int64{}
	for _, f := range fetches {
		for _, rec := range f.Records {
			if rec.Offset >= r.ends[f.Partition] || r.done.Replayed+len(letters) >= r.Limit {
				break
			}
			next[f.Partition] = rec.Offset + 1
			if rec.Attrs.IsControl() {
				continue
			}
			l, err := parse(rec)
			switch {
			case err != nil:
				step.Foreign++
			case !r.match(l):
				step.LeftOut++
			default:
				if err := r.fits(ctx, l); err != nil {
					return err
				}
				letters = append(letters, l)
			}
		}
	}
	if len(next) == 0 {
		return nil
	}
	offsets := transport.Offsets{r.Topic: next}
	if err := r.group.Begin(ctx); err != nil {
		return err
	}
	err := r.produce(ctx, letters)
	for err == nil {
		err = r.group.CommitTransaction(ctx, offsets)
		if !errors.Is(err, transport.ErrRebalance) {
			break
		}
		select {
		case <-time.After(50 * time.Millisecond):
			err = nil
		case <-ctx.Done():
		}
	}
	if err != nil {
		abort, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return errors.Join(err, r.group.AbortTransaction(abort))
	}
	r.done.Replayed += len(letters)
	r.done.Foreign += step.Foreign
	r.done.LeftOut += step.LeftOut
	for _, l := range letters {
		r.Each(l)
	}
	return nil
}

// fits checks that a dead letter's source is still there.
func (r *replayer) fits(ctx context.Context, l Letter) error {
	if l.Source.Offset < 0 {
		return fmt.Errorf("the dead letter at partition %d, offset %d, was a timer of %s, which cannot be put back: "+
			"leave such out with a filter of the source topic", l.Partition, l.Offset, l.Source.Topic)
	}
	n, ok := r.targets[l.Source.Topic]
	if !ok {
		infos, err := r.cluster.Describe(ctx, l.Source.Topic)
		if err != nil {
			return err
		}
		n = infos[l.Source.Topic].Partitions
		r.targets[l.Source.Topic] = n
	}
	if l.Source.Partition >= n {
		return fmt.Errorf("the dead letter at partition %d, offset %d, came from topic %s, partition %d, which is not there: "+
			"leave such out with a filter of the source topic", l.Partition, l.Offset, l.Source.Topic, l.Source.Partition)
	}
	return nil
}

func (r *replayer) produce(ctx context.Context, letters []Letter) error {
	acks := make(chan error, len(letters))
	for _, l := range letters {
		r.group.Produce(ctx, l.original, func(_ *transport.Record, err error) { acks <- err })
	}
	for range letters {
		select {
		case err := <-acks:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

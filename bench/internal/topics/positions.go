package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Positions are what groups have committed, by topic and partition.
type Positions map[string]map[int32]int64

// Positions asks for those of groups. No two of them may read the same topic.
func (t *Topics) Positions(ctx context.Context, groups []string) (Positions, error) {
	ps := Positions{}
	for _, r := range t.admin.FetchManyOffsets(ctx, groups...) {
		if r.Err != nil && !errors.Is(r.Err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("group %s: %w", r.Group, r.Err)
		}
		r.Fetched.Each(func(o kadm.OffsetResponse) {
			if o.At < 0 {
				return
			}
			if ps[o.Topic] == nil {
				ps[o.Topic] = map[int32]int64{}
			}
			ps[o.Topic][o.Partition] = o.At
		})
	}
	return ps, nil
}

// Sum is that of all positions: it changes with every commit.
func (ps Positions) Sum() (n int64) {
	for _, partitions := range ps {
		for _, at := range partitions {
			n += at
		}
	}
	return n
}

// Reached says whether all of a topic up to certain positions is committed.
func (ps Positions) Reached(topic string, ends map[int32]int64) bool {
	for p, end := range ends {
		if ps[topic][p] < end {
			return false
		}
	}
	return true
}

// Drained says whether no record is behind the positions of an application's
// own topics, those whose names begin with its, but its input. Markers of transactions may be:
// a reader does not have to commit them. With exactly-once, and an input of
// which all is committed, it means that all is done: who has committed his input
// has written his output, so that the ends which are asked for here are final.
func (t *Topics) Drained(ctx context.Context, ps Positions, app, input string) (bool, error) {
	all, err := t.admin.ListTopics(ctx)
	if err != nil {
		return false, err
	}
	var names []string
	for _, n := range all.Names() {
		_, known := ps[n]
		// Kafka Streams names so what one of its steps sends another; of Millrace's, all have been read.
		if n != input && strings.HasPrefix(n, app) && (known || strings.HasSuffix(n, "-repartition")) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return true, nil
	}
	ends, err := t.admin.ListEndOffsets(ctx, names...)
	if err := errors.Join(err, ends.Error()); err != nil {
		return false, err
	}
	left := Positions{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > ps[o.Topic][o.Partition] {
			if left[o.Topic] == nil {
				left[o.Topic] = map[int32]int64{}
			}
			left[o.Topic][o.Partition] = o.Offset
		}
	})
	return t.onlyMarkers(ctx, ps, left)
}

// onlyMarkers reads from positions to ends.
func (t *Topics) onlyMarkers(ctx context.Context, from, to Positions) (bool, error) {
	if len(to) == 0 {
		return true, nil
	}
	consume := map[string]map[int32]kgo.Offset{}
	for topic, ends := range to {
		consume[topic] = map[int32]kgo.Offset{}
		for p := range ends {
			consume[topic][p] = kgo.NewOffset().At(from[topic][p])
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.brokers...), kgo.ConsumePartitions(consume), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return false, err
	}
	defer cl.Close()
	for len(to) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return false, err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if !r.Attrs.IsControl() {
				return false, nil
			}
			if r.Offset+1 < to[r.Topic][r.Partition] {
				continue
			}
			if delete(to[r.Topic], r.Partition); len(to[r.Topic]) == 0 {
				delete(to, r.Topic)
			}
		}
	}
	return true, nil
}

package tool

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
)

// Letter is a dead letter.
type Letter struct {
	Partition int32     `json:"partition"` // where it lies in the dead-letter topic
	Offset    int64     `json:"offset"`
	Processor string    `json:"processor"`
	Stage     string    `json:"stage"`
	Error     string    `json:"error"`
	Stack     string    `json:"stack,omitempty"`
	Attempts  int       `json:"attempts"`
	FailedAt  time.Time `json:"failedAt"`
	Source    Source    `json:"source"`
	Key       string    `json:"key"`
	Value     []byte    `json:"value"` // base64 in JSON

	original *transport.Record
}

// Source is where the record of a dead letter came from.
type Source struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"` // -1: it was a timer, whose table Topic is
	Timestamp time.Time `json:"timestamp"`
}

// Filter selects dead letters; what is empty selects all.
type Filter struct {
	Processor string
	Stage     string
	Topic     string    // the source
	Key       string    // the whole key
	Error     string    // a part of the error
	Since     time.Time // when it failed
	Until     time.Time // likewise, exclusive
}

func (f Filter) match(l Letter) bool {
	return (f.Processor == "" || f.Processor == l.Processor) && (f.Stage == "" || f.Stage == l.Stage) &&
		(f.Topic == "" || f.Topic == l.Source.Topic) && (f.Key == "" || f.Key == l.Key) &&
		strings.Contains(l.Error, f.Error) &&
		!l.FailedAt.Before(f.Since) && (f.Until.IsZero() || l.FailedAt.Before(f.Until))
}

// ErrNoLetter says that a record is no dead letter of Millrace's.
var ErrNoLetter = errors.New("not a dead letter")

// parse reads a dead letter. Its headers come after the record's own, which
// may be those of an earlier dead letter.
func parse(r *transport.Record) (Letter, error) {
	begin := -1
	for i, h := range r.Headers {
		if h.Key == pipeline.HeaderProcessor {
			begin = i
		}
	}
	if begin < 0 {
		return Letter{}, fmt.Errorf("topic %s, partition %d, offset %d: %w: it has no header %s",
			r.Topic, r.Partition, r.Offset, ErrNoLetter, pipeline.HeaderProcessor)
	}
	hs := map[string]string{}
	for _, h := range r.Headers[begin:] {
		hs[h.Key] = string(h.Value)
	}
	var errs []error
	number := func(key string, bits int) int64 {
		n, err := strconv.ParseInt(hs[key], 10, bits)
		timer := key == pipeline.HeaderOffset && n == -1
		if err != nil || n < 0 && key != pipeline.HeaderTimestamp && !timer {
			errs = append(errs, fmt.Errorf("header %s is %q", key, hs[key]))
		}
		return n
	}
	l := Letter{Partition: r.Partition, Offset: r.Offset, Processor: hs[pipeline.HeaderProcessor], Stage: hs[pipeline.HeaderStage],
		Error: hs[pipeline.HeaderError], Stack: hs[pipeline.HeaderStack], Attempts: int(number(pipeline.HeaderAttempts, 32)),
		FailedAt: time.UnixMilli(number(pipeline.HeaderFailedAt, 64)).UTC(), Key: string(r.Key), Value: r.Value,
		Source: Source{Topic: hs[pipeline.HeaderTopic], Partition: int32(number(pipeline.HeaderPartition, 32)),
			Offset: number(pipeline.HeaderOffset, 64), Timestamp: time.UnixMilli(number(pipeline.HeaderTimestamp, 64)).UTC()}}
	if l.Source.Topic == "" {
		errs = append(errs, fmt.Errorf("header %s is missing", pipeline.HeaderTopic))
	}
	if err := errors.Join(errs...); err != nil {
		return Letter{}, fmt.Errorf("topic %s, partition %d, offset %d: %w: %w", r.Topic, r.Partition, r.Offset, ErrNoLetter, err)
	}
	l.original = &transport.Record{Topic: l.Source.Topic, Partition: transport.ToPartition(l.Source.Partition), Key: r.Key, Value: r.Value,
		Timestamp: l.Source.Timestamp, Headers: r.Headers[:begin:begin]}
	return l, nil
}

// connect connects to the cluster of a configuration.
func connect(ctx context.Context, c pipeline.Config) (*kafka.Cluster, error) {
	return c.Cluster(ctx)
}

// DeadLetters calls each for the dead letters of a topic that a filter
// selects, partition after partition, oldest first, and returns the error of
// each that ends it. Records that are no dead letters are left out. It changes
// nothing.
func DeadLetters(ctx context.Context, c pipeline.Config, topic string, f Filter, each func(Letter) error) (err error) {
	cluster, err := connect(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	return list(ctx, cluster, topic, nil, f, each)
}

// list reads a topic from offsets, or the oldest records, to its end now.
func list(ctx context.Context, cluster transport.Cluster, topic string, from map[int32]int64, f Filter, each func(Letter) error) error {
	infos, err := cluster.Describe(ctx, topic)
	if err != nil {
		return err
	}
	info, ok := infos[topic]
	if !ok {
		return fmt.Errorf("topic %s: %w", topic, transport.ErrUnknownTopic)
	}
	for p := range info.Partitions {
		tp := transport.TopicPartition{Topic: topic, Partition: p}
		first, end, err := cluster.Bounds(ctx, tp)
		if err != nil {
			return err
		}
		err = cluster.ReadTable(ctx, tp, max(first, min(from[p], end)), end, func(b transport.TableBatch) error {
			for _, r := range b.Records {
				l, err := parse(r)
				if err != nil || r.Offset >= end || !f.match(l) {
					continue
				}
				if err := each(l); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

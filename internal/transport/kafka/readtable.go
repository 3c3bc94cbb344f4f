package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// How long nothing comes before a reader looks whether anything will (see
// tail): at first, and at most.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = 5 * time.Second
)

// ReadTable implements [transport.Cluster]. The last batch may reach beyond
// until.
//
// A topic that was deleted ends it with [transport.ErrUnknownTopic]. One that
// was deleted and made anew, or whose log lost records that were read already,
// is an [transport.OffsetOutOfRangeError]: the reader has what the log no
// longer has.
func (c *Cluster) ReadTable(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	return c.readLog(ctx, tp, from, until, false, each)
}

// ReadLog implements [transport.Cluster].
func (c *Cluster) ReadLog(ctx context.Context, tp transport.TopicPartition, from, until int64, each func(transport.TableBatch) error) error {
	return c.readLog(ctx, tp, from, until, true, each)
}

func (c *Cluster) readLog(ctx context.Context, tp transport.TopicPartition, from, until int64, uncommitted bool, each func(transport.TableBatch) error) error {
	first, end, err := c.Bounds(ctx, tp)
	if err != nil {
		return err
	}
	if from < first || from > end {
		return &transport.OffsetOutOfRangeError{TopicPartition: tp, From: from, First: first, End: end}
	}
	if until >= 0 && from >= until {
		return nil
	}
	id, err := c.tables.topicID(ctx, tp)
	if err != nil {
		return c.tableError(ctx, tp, from, err)
	}
	r := newTableReader(tp)
	tc, err := c.tables.register(r, from, tableUse{until >= 0, uncommitted})
	if err != nil {
		return c.tableError(ctx, tp, from, err)
	}
	defer tc.remove(r)
	t := &tableRead{c: c, r: r, each: each, next: from, until: until, end: end, tail: tail{id: id, uncommitted: uncommitted}}
	err = t.run(ctx)
	var out *transport.OffsetOutOfRangeError
	if errors.As(err, &out) || errors.Is(err, transport.ErrUnknownTopic) || errors.Is(err, errOldID) {
		tc.outdated(tp.Topic)
	}
	return err
}

// errOldID says that a client asks for a topic by an id that the topic had once.
// The read may be tried again; another client serves it.
var errOldID = errors.New("the client knows the topic by an old id")

// maxDoubts is how many fetches one after the other may be refused because of
// the topic's id although it is the topic's, such as by a broker that is behind.
const maxDoubts = 20

// tableRead is one call of ReadTable.
type tableRead struct {
	c     *Cluster
	r     *tableReader
	each  func(transport.TableBatch) error
	next  int64 // the position
	until int64
	end   int64 // the high watermark, as far as is known
	tail  tail
}

func (t *tableRead) run(ctx context.Context) error {
	look, doubts := firstLook, 0
	timer := time.NewTimer(look)
	defer timer.Stop()
	for {
		batches, doubt, failed := t.r.take()
		for _, b := range batches {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if err := t.deliver(b); err != nil {
				return err
			}
			if t.done() {
				return nil
			}
			look, doubts = firstLook, 0
		}
		if failed != nil {
			return t.c.tableError(ctx, t.r.tp, t.next, failed)
		}
		if doubt {
			if _, err := t.c.tables.check(ctx, t.r.tp, &t.tail); err != nil {
				return t.c.tableError(ctx, t.r.tp, t.next, err)
			}
			if doubts++; doubts == maxDoubts {
				return t.c.tableError(ctx, t.r.tp, t.next, errOldID)
			}
		}
		timer.Reset(look)
		select {
		case <-t.r.news:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			look = min(2*look, lastLook)
			if t.next >= t.end {
				continue // nothing is to come
			}
			next, err := t.c.tables.look(ctx, t.r.tp, t.next, &t.tail)
			if err != nil {
				return t.c.tableError(ctx, t.r.tp, t.next, err)
			}
			if next > t.next {
				look = firstLook
				if err := t.deliver(transport.TableBatch{Next: next, End: max(t.end, next)}); err != nil {
					return err
				}
				if t.done() {
					return nil
				}
			}
		}
	}
}

// deliver hands on a batch, unless the position is past it: what look found is
// empty may be delivered as an empty batch once more.
func (t *tableRead) deliver(b transport.TableBatch) error {
	t.tail.empty = 0
	if b.Next <= t.next {
		return nil
	}
	t.next, t.end = b.Next, max(t.end, b.End)
	return t.each(b)
}

func (t *tableRead) done() bool { return t.until >= 0 && t.next >= t.until }

// tableError names what ended a read.
func (c *Cluster) tableError(ctx context.Context, tp transport.TopicPartition, next int64, err error) error {
	var lost *kgo.ErrDataLoss
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, errMadeAnew), errors.As(err, &lost):
		first, end, berr := c.Bounds(ctx, tp)
		if berr != nil {
			return fmt.Errorf("read %w: %w", berr, err)
		}
		return &transport.OffsetOutOfRangeError{TopicPartition: tp, From: next, First: first, End: end}
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("read topic %s, partition %d: %w: %w", tp.Topic, tp.Partition, transport.ErrUnknownTopic, err)
	}
	return fmt.Errorf("read topic %s, partition %d, from offset %d: %w", tp.Topic, tp.Partition, next, closed(err))
}

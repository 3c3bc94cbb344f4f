package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace/internal/transport"
)

// alone is the source of a reader without a group: a goroutine reads each
// partition while next is called.
type alone struct {
	cluster     transport.Cluster
	topic       string
	uncommitted bool
	oldest      bool // a partition that has not been begun begins wherever its log does
	parts       []*readPart

	running bool
	cancel  context.CancelFunc
	reading sync.WaitGroup
	batches chan partBatch
	left    int // partitions that have not ended
	current partBatch
}

// readPart is a partition and how far it was handled.
type readPart struct {
	id    int32
	next  int64
	until int64 // -1: for ever
	begun bool
}

type partBatch struct {
	part    *readPart
	records []*transport.Record
	next    int64
	end     bool
	err     error
}

// newAlone finds out where to begin and where to end.
func newAlone(ctx context.Context, c transport.Cluster, info transport.TopicInfo, o readerOptions) (*alone, error) {
	a := &alone{cluster: c, topic: info.Name, uncommitted: o.uncommitted,
		oldest: o.offsets == nil && o.start == transport.Start{}}
	ids := o.partitions
	if len(ids) == 0 {
		for p := range int(info.Partitions) {
			ids = append(ids, p)
		}
	}
	for _, id := range ids {
		if id >= int(info.Partitions) {
			return nil, fmt.Errorf("%w: there is no partition %d, the topic has %d", ErrConfig, id, info.Partitions)
		}
		tp := transport.TopicPartition{Topic: info.Name, Partition: int32(id)}
		first, end, err := c.Bounds(ctx, tp)
		if err != nil {
			return nil, err
		}
		p := &readPart{id: int32(id), next: first, until: -1}
		switch {
		case o.offsets != nil:
			p.next = o.offsets[id]
			if p.next < first || p.next > end {
				return nil, &transport.OffsetOutOfRangeError{TopicPartition: tp, From: p.next, First: first, End: end}
			}
		case o.start.Newest:
			p.next = end
		case !o.start.At.IsZero():
			if p.next, err = c.OffsetAt(ctx, tp, o.start.At); err != nil {
				return nil, err
			}
		}
		if o.untilEnd {
			p.until = max(end, p.next)
		}
		a.parts = append(a.parts, p)
	}
	return a, nil
}

// start begins to read where the partitions were left.
func (a *alone) start(ctx context.Context) {
	ctx, a.cancel = context.WithCancel(ctx)
	a.batches = make(chan partBatch)
	a.running, a.left = true, 0
	for _, p := range a.parts {
		if p.until >= 0 && p.next >= p.until {
			continue
		}
		a.left++
		at := *p // handled changes p meanwhile
		a.reading.Go(func() {
			err := a.read(ctx, p, at)
			select {
			case a.batches <- partBatch{part: p, end: true, err: err}:
			case <-ctx.Done():
			}
		})
	}
}

// read hands the partition's batches to next.
func (a *alone) read(ctx context.Context, p *readPart, at readPart) error {
	tp := transport.TopicPartition{Topic: a.topic, Partition: at.id}
	each := func(b transport.TableBatch) error {
		at.begun = true
		records := b.Records
		for at.until >= 0 && len(records) > 0 && records[len(records)-1].Offset >= at.until {
			records = records[:len(records)-1]
		}
		select {
		case a.batches <- partBatch{part: p, records: records, next: b.Next}:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		readLog := a.cluster.ReadTable
		if a.uncommitted {
			readLog = a.cluster.ReadLog
		}
		err := readLog(ctx, tp, at.next, at.until, each)
		var out *transport.OffsetOutOfRangeError
		if a.oldest && !at.begun && errors.As(err, &out) && out.First > at.next {
			at.next = out.First // what was the oldest was deleted meanwhile
			if at.until < 0 || at.next < at.until {
				continue
			}
			return nil
		}
		return err
	}
}

// next implements source.
func (a *alone) next(ctx context.Context) ([]*transport.Record, error) {
	if !a.running {
		a.start(ctx)
	}
	a.finish()
	for a.left > 0 {
		select {
		case b := <-a.batches:
			switch {
			case b.err != nil:
				return nil, b.err
			case b.end:
				a.left--
				if b.part.until >= 0 {
					b.part.next = max(b.part.next, b.part.until)
				}
			case len(b.records) == 0:
				b.part.next = max(b.part.next, b.next)
				b.part.begun = true
			default:
				a.current = b
				return b.records, nil
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, nil
}

// finish moves past a batch that was handled: what follows its last record
// holds nothing to deliver.
func (a *alone) finish() {
	if p := a.current.part; p != nil {
		p.next = max(p.next, a.current.next)
		a.current = partBatch{}
	}
}

func (a *alone) pending(*transport.Record) bool { return true }

func (a *alone) handled(r *transport.Record) {
	p := a.current.part
	p.next, p.begun = r.Offset+1, true
}

// pause implements source. The batch at hand is read again.
func (a *alone) pause() {
	if !a.running {
		return
	}
	a.cancel()
	a.reading.Wait()
	a.running = false
	a.current = partBatch{}
}

func (a *alone) commit(context.Context) error { return nil }

func (a *alone) close() error {
	a.pause()
	return nil
}

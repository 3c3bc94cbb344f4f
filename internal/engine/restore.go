package engine

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/storage"
)

// restoreBatch is about how many bytes are written to a store at once while it
// is restored.
const restoreBatch = 1 << 20

// restore brings a store to the end that its changelog has now.
//
// The end is the high watermark, not the last stable offset: records of a
// transaction that is still open are waited for, since they may become part of
// the state that the committed input offsets stand for.
func (e *Engine) restore(ctx context.Context, tp transport.TopicPartition, store storage.Store, proc string, tell func(RestoreStats)) error {
	for attempt := 0; ; attempt++ {
		err := e.replay(ctx, tp, store, proc, tell)
		var gone *transport.OffsetOutOfRangeError
		if !errors.As(err, &gone) || attempt > 0 {
			return err
		}
		// The changelog was deleted, truncated or made anew since the store
		// was written: what it holds may be what the log no longer has.
		e.cfg.Logger.Warn("store does not match its changelog; it is restored in full",
			"topic", tp.Topic, "partition", tp.Partition, "store", gone.From, "first", gone.First, "end", gone.End)
		if err := storage.Clear(store, gone.First); err != nil {
			return err
		}
	}
}

// replay applies the changelog from the store's offset to its end.
func (e *Engine) replay(ctx context.Context, tp transport.TopicPartition, store storage.Store, proc string, tell func(RestoreStats)) error {
	first, end, err := e.cfg.Cluster.Bounds(ctx, tp)
	if err != nil {
		return err
	}
	from, ok := store.Offset()
	if !ok {
		from = first
	}
	if from < first || from > end {
		return &transport.OffsetOutOfRangeError{TopicPartition: tp, From: from, First: first, End: end}
	}
	if from == end {
		return nil
	}
	progress := RestoreStats{Processor: proc, TopicPartition: tp, From: from, End: end, Position: from}
	report := func() {
		tell(progress)
		e.cfg.Metrics.restoring(progress)
	}
	report()
	start, batch := time.Now(), store.NewBatch()
	err = e.cfg.Cluster.ReadTable(ctx, tp, from, end, func(b transport.TableBatch) error {
		for _, r := range b.Records {
			if r.Value == nil {
				batch.Delete(r.Key)
			} else {
				batch.Put(r.Key, r.Value)
			}
			if batch.Size() >= restoreBatch {
				batch.SetOffset(r.Offset + 1)
				if err := store.Apply(batch); err != nil {
					return err
				}
				batch.Reset()
			}
		}
		batch.SetOffset(b.Next)
		progress.Position, progress.Records = b.Next, progress.Records+int64(len(b.Records))
		report()
		return nil
	})
	if err != nil {
		return err
	}
	if err := store.Apply(batch); err != nil {
		return err
	}
	progress.Done = true
	progress.Duration = time.Since(start)
	report()
	e.cfg.Logger.Info("table restored", "processor", proc, "topic", tp.Topic, "partition", tp.Partition,
		"records", progress.Records, "took", progress.Duration.Round(time.Millisecond))
	return nil
}

// Command floor copies records with franz-go and no framework: what a copy
// costs at least. It reuses the fetched records, commits positions when what
// came before is acknowledged, and promises no more than at-least-once.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/peer"
	"github.com/millrace/millrace/bench/internal/workload"
)

func main() { peer.Run(run) }

func run(ctx context.Context, a peer.Args) error {
	if a.Workload.Kind != workload.Copy || a.ExactlyOnce {
		return fmt.Errorf("the floor is copied at least once, and nothing else")
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(a.Brokers...),
		kgo.ConsumerGroup(a.App), kgo.ConsumeTopics(a.Input), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.BlockRebalanceOnPoll(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance()
	var failed error
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed = err // promises are called one after the other, and read after a flush
		}
	}
	committed := time.Now()
	dirty := false
	for ctx.Err() == nil {
		wait, cancel := context.WithDeadline(ctx, committed.Add(a.Commit))
		fetches := cl.PollRecords(wait, 10_000)
		cancel()
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) && !errors.Is(e.Err, context.Canceled) {
				return e.Err
			}
		}
		fetches.EachRecord(func(r *kgo.Record) {
			r.Topic, dirty = a.Output, true
			cl.Produce(ctx, r, promise)
		})
		if time.Since(committed) >= a.Commit {
			if dirty {
				if err := cl.Flush(ctx); err != nil {
					return err
				}
				if failed != nil {
					return failed
				}
				if err := cl.CommitUncommittedOffsets(ctx); err != nil {
					return err
				}
			}
			committed, dirty = time.Now(), false
		}
		cl.AllowRebalance()
	}
	return nil
}

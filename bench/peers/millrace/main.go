// Command millrace is the workloads as a user of Millrace writes them.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/millrace/millrace/bench/internal/peer"
	"github.com/millrace/millrace/bench/internal/workload"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

func main() { peer.Run(run) }

func run(ctx context.Context, a peer.Args) error {
	t, err := topology(a)
	if err != nil {
		return err
	}
	c := pipeline.Config{
		Brokers: a.Brokers, StateDir: a.State, CommitInterval: a.Commit, Partitions: a.Partitions, SessionTimeout: a.Session, StandbyReplicas: a.Standbys,
		Guarantee: pipeline.AtLeastOnce, Logger: slog.New(slog.DiscardHandler),
	}
	if a.Log {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if a.Peers {
		c.PeerAddress = "127.0.0.1:0"
	}
	if a.ExactlyOnce {
		c.Guarantee = pipeline.ExactlyOnce
	}
	return pipeline.Run(ctx, t, c)
}

func topology(a peer.Args) (*pipeline.Topology, error) {
	in := pipeline.NewTopic(a.Input, codec.Raw())
	out := pipeline.NewTopic(a.Output, codec.Raw())
	t := pipeline.New(a.App).From(in)
	p := pipeline.Process("main")
	switch a.Workload.Kind {
	case workload.Copy:
		o := pipeline.Output(p, out)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v []byte) error {
			o.Emit(ctx, ctx.Key(), v)
			return nil
		})
	case workload.Count, workload.CountLast:
		counts := pipeline.State(p, pipeline.NewTable(a.App+"-counts", codec.Int64()))
		every := a.Workload.Kind == workload.Count
		var o pipeline.Out[int64]
		if every {
			updates := pipeline.NewTopic(a.Output, codec.Int64())
			o, t = pipeline.Output(p, updates), t.To(updates)
		}
		pipeline.Input(p, in, func(ctx *pipeline.Context, _ []byte) error {
			n, _ := counts.Get(ctx)
			counts.Set(ctx, n+1)
			if every {
				o.Emit(ctx, ctx.Key(), n+1)
			}
			return nil
		})
		return t.Add(p), nil
	case workload.Dedupe:
		o := pipeline.Output(p, out)
		seen := pipeline.State(p, pipeline.NewTable(a.App+"-seen", codec.Int64()))
		pipeline.Input(p, in, func(ctx *pipeline.Context, v []byte) error {
			if _, ok := seen.Get(ctx); ok {
				return nil
			}
			seen.Set(ctx, ctx.Timestamp().UnixMilli())
			o.Emit(ctx, ctx.Key(), v)
			return nil
		})
	case workload.Join:
		table := pipeline.NewTable(a.Table, codec.Bytes())
		o, rows := pipeline.Output(p, out), pipeline.Join(p, table)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v []byte) error {
			if row, ok := rows.Get(ctx); ok {
				o.Emit(ctx, ctx.Key(), append(append(make([]byte, 0, len(v)+len(row)), v...), row...))
			}
			return nil
		})
		t = t.From(table)
	case workload.Shuffle:
		matched := pipeline.NewTopic(a.App+"-matched", codec.Raw())
		m := pipeline.Output(p, matched)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v []byte) error {
			var room [4]int
			for _, rule := range workload.Match(room[:0], v) {
				m.Emit(ctx, strconv.Itoa(rule), v)
			}
			return nil
		})
		return t.Add(p, consume(a, matched, out)).To(out), nil
	default:
		return nil, fmt.Errorf("no workload of the kind %q here", a.Workload.Kind)
	}
	return t.Add(p).To(out), nil
}

// consume is the second half of the shuffle: the state of each rule.
func consume(a peer.Args, matched, out pipeline.Topic[[]byte]) *pipeline.Processor {
	c := pipeline.Process("consume")
	o := pipeline.Output(c, out)
	states := pipeline.State(c, pipeline.NewTable(a.App+"-states", codec.Bytes()))
	pipeline.Input(c, matched, func(ctx *pipeline.Context, v []byte) error {
		if len(v) < workload.HeaderBytes {
			return fmt.Errorf("a value of %d bytes, less than a header", len(v))
		}
		state, _ := states.Get(ctx)
		state, emit := workload.Fold(state, v)
		states.Set(ctx, state)
		if emit {
			o.Emit(ctx, ctx.Key(), state)
		}
		return nil
	})
	return c
}

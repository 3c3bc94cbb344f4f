package tool

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/manifest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
)

// Lag is how far a processor is behind in a topic that it reads.
type Lag struct {
	Processor string `json:"processor"`
	Topic     string `json:"topic"`
	Position  int64  `json:"position"` // the sum of what is committed, over the partitions
	Lag       int64  `json:"lag"`      // offsets to the ends
}

// LagOptions say of what the lag is.
type LagOptions struct {
	App        string        // the topology's name, or its application id. Required
	Processors []string      // Default: all that the manifest knows
	Every      time.Duration // of AwaitCaughtUp: how often it looks. Default 1 s
	Each       func([]Lag)   // of AwaitCaughtUp: is told what it saw. Default: nothing is
}

// Lags says how far the processors of an application are behind, by what their
// groups have committed; they need not run. The processors and their inputs
// come from the application's manifest: what has never run is not there.
func Lags(ctx context.Context, c pipeline.Config, o LagOptions) (all []Lag, err error) {
	cluster, err := connect(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	return lags(ctx, cluster, o)
}

// AwaitCaughtUp waits until the processors of an application have read all that
// there is: until nothing was behind and nothing moved from one look to the
// next. When ctx ends, the error is its own.
func AwaitCaughtUp(ctx context.Context, c pipeline.Config, o LagOptions) (err error) {
	cluster, err := connect(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if o.Every <= 0 {
		o.Every = time.Second
	}
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	var before []Lag
	for {
		now, err := lags(ctx, cluster, o)
		if err != nil {
			return err
		}
		if o.Each != nil {
			o.Each(now)
		}
		behind := slices.ContainsFunc(now, func(l Lag) bool { return l.Lag > 0 })
		if !behind && slices.Equal(now, before) {
			return nil
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func lags(ctx context.Context, cluster transport.Cluster, o LagOptions) ([]Lag, error) {
	ps, bad, err := manifest.Read(ctx, cluster, o.App)
	if err != nil {
		return nil, err
	}
	for name, err := range bad {
		return nil, fmt.Errorf("processor %s: %w", name, err)
	}
	if len(ps) == 0 {
		return nil, fmt.Errorf("application %q has no manifest in topic %s: it has not run on this cluster", o.App, manifest.TopicName(o.App))
	}
	for _, name := range o.Processors {
		if _, ok := ps[name]; !ok {
			return nil, fmt.Errorf("application %q has no processor %q; the manifest has %s", o.App, name,
				strings.Join(slices.Sorted(maps.Keys(ps)), ", "))
		}
	}
	all := []Lag{}
	for _, name := range slices.Sorted(maps.Keys(ps)) {
		if len(o.Processors) > 0 && !slices.Contains(o.Processors, name) {
			continue
		}
		p := ps[name].OnCluster()
		topics := slices.Sorted(maps.Keys(p.Inputs))
		if p.Loop != "" {
			topics = append(topics, p.Loop)
		}
		offsets, err := cluster.GroupOffsets(ctx, p.Group)
		if err != nil {
			return nil, err
		}
		infos, err := cluster.Describe(ctx, topics...)
		if err != nil {
			return nil, err
		}
		for _, t := range topics {
			l := Lag{Processor: name, Topic: t}
			for n := range infos[t].Partitions {
				first, end, err := cluster.Bounds(ctx, transport.TopicPartition{Topic: t, Partition: n})
				if err != nil {
					return nil, err
				}
				at := max(offsets[t][n], first)
				l.Position += at
				l.Lag += max(end-at, 0)
			}
			all = append(all, l)
		}
	}
	return all, nil
}

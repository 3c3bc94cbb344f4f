package main

import (
	"context"
	"flag"
	"log/slog"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
)

// settings are the command line that all contenders of the benchmark share. The
// names of topics are the topology's own.
type settings struct {
	brokers, state, guarantee string
	commit                    time.Duration
	partitions                int
}

func (s *settings) declare(f *flag.FlagSet) {
	f.StringVar(&s.brokers, "brokers", "", "addresses, with commas between")
	f.StringVar(&s.state, "state", "", "folder")
	f.StringVar(&s.guarantee, "guarantee", "at-least-once", "or exactly-once")
	f.DurationVar(&s.commit, "commit", 100*time.Millisecond, "the commit interval")
	f.IntVar(&s.partitions, "partitions", 4, "of every topic")
	for _, name := range []string{"workload", "app", "input", "table", "output"} {
		f.String(name, "", "not looked at")
	}
}

func run(ctx context.Context, s settings) error {
	c := pipeline.Config{Brokers: strings.Split(s.brokers, ","), StateDir: s.state, CommitInterval: s.commit, Partitions: s.partitions,
		Guarantee: pipeline.AtLeastOnce, Logger: slog.New(slog.DiscardHandler)}
	if s.guarantee == "exactly-once" {
		c.Guarantee = pipeline.ExactlyOnce
	}
	return pipeline.Run(ctx, topology.New(), c)
}

package tool_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/tool"
)

// positions returns what a group has committed.
func positions(t *testing.T, cfg pipeline.Config, group, topic string) map[int32]int64 {
	t.Helper()
	c, err := kafka.New(t.Context(), kafka.Config{Brokers: cfg.Brokers, Logger: cfg.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	offsets, err := c.GroupOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return offsets[topic]
}

// Under a new name everything is counted from the beginning, with tables that
// begin empty; the old positions stay.
func TestResetToANewApp(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, true)
	r.send("a", "b", "a")
	await(t, "the counts", func() bool { return len(outputs(t, cfg, n)) == 3 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	before := positions(t, cfg, n.app+"-count", n.in)
	o := tool.ResetOptions{App: n.app, NewApp: n.app + "-2"}
	plan, err := tool.Reset(t.Context(), cfg, o, true)
	if err != nil || len(plan.Groups) != 0 || !slices.Equal(plan.Topics, []string{n.seen}) {
		t.Fatalf("plan:\n%s%v", plan, err)
	}
	if _, err := tool.Reset(t.Context(), cfg, o, false); err != nil {
		t.Fatal(err)
	}
	n2 := n
	n2.app = o.NewApp
	start(t, n2, cfg, true)
	await(t, "the outputs of both", func() bool { return len(outputs(t, cfg, n)) == 6 })
	if got := outputs(t, cfg, n); !slices.Equal(got, []string{"k-a=1", "k-a=1", "k-a=2", "k-a=2", "k-b=1", "k-b=1"}) {
		t.Errorf("outputs %q", got)
	}
	after := positions(t, cfg, n.app+"-count", n.in)
	if len(before) == 0 || len(after) != len(before) {
		t.Errorf("positions of the old group were %v and are %v", before, after)
	}
	for p, offset := range before {
		if after[p] != offset {
			t.Errorf("partition %d of the old group was at %d and is at %d", p, offset, after[p])
		}
	}
}

// An input that got more partitions ends the start of a processor with state,
// with the remedy, which works.
func TestMorePartitions(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, true)
	r.send("a", "b", "a")
	await(t, "the counts", func() bool { return len(outputs(t, cfg, n)) == 3 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	grown, err := kadm.NewClient(client).UpdatePartitions(ctx, 4, n.in)
	if err == nil {
		err = grown.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	// The brokers learn of it one after the other.
	await(t, "a start that is refused", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err = pipeline.Run(ctx, n.topology(true), cfg)
		return err != nil
	})
	for _, want := range []string{"topic " + n.in + ": had 2 partitions when processor count last ran and has 4 now", "(" + n.seen + ")",
		"millrace reset -app " + n.app + " -processor count"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, err := tool.Reset(t.Context(), cfg, tool.ResetOptions{App: n.app, Processors: []string{"count"}}, false); err != nil {
		t.Fatal(err)
	}
	start(t, n, cfg, true)
	await(t, "the outputs of both times", func() bool { return len(outputs(t, cfg, n)) == 6 })
	if got := counted(t, cfg, n); got["k-a"] != 2 || got["k-b"] != 1 {
		t.Errorf("counted %v", got)
	}
}

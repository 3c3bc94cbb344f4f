package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/murmur2"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// What a Window emits is in the partition of the key without its window, as Kafka
// Streams has it; a state that follows that topic, the windows' table, and a lookup of
// it are found under the whole key.
func TestWindowedKeysArePartitionedByTheKey(t *testing.T) {
	for name, w := range map[string]processors.Windows{
		"time": processors.Tumbling(time.Second), "session": processors.Session(time.Second), "count": processors.CountWindow(2),
	} {
		t.Run(name, func(t *testing.T) {
			in := pipeline.NewTopic("in", codec.Int64(), pipeline.Partitions(5))
			windows := pipeline.NewTable("windows", processors.Panes(codec.Int64()))
			out := pipeline.NewTopic("out", codec.Int64(), pipeline.Partitions(7))
			seen := pipeline.NewTable("seen", codec.Int64())
			split := func(key string) string {
				if name == "session" {
					key, _, _, _ = processors.ParseSessionKey(key)
				} else {
					key, _, _ = processors.ParseWindowKey(key)
				}
				return key
			}
			follow := pipeline.Process("follow")
			state := pipeline.State(follow, seen)
			pipeline.Input(follow, out, func(ctx *pipeline.Context, n int64) error {
				if p := murmur2.Partition([]byte(split(ctx.Key())), 7); ctx.Partition() != int(p) {
					t.Errorf("%q is in partition %d, want %d", ctx.Key(), ctx.Partition(), p)
				}
				state.Set(ctx, n)
				return nil
			})
			d := pipelinetest.New(t, pipeline.New("t").From(in).To(out).Add(
				processors.Window("w", in, w.Retain(time.Hour), aggregate.Sum(func(n int64) int64 { return n }), windows, processors.EmitUpdates(out)),
				follow), pipelinetest.Views(windows, seen))
			for i := range int64(40) {
				d.Send(in.Record(fmt.Sprint("key-", i), i).At(at(1000)))
			}
			rows := pipelinetest.Rows(d, seen)
			if len(rows) != 40 {
				t.Errorf("%d windows, want 40", len(rows))
			}
			panes, err := pipeline.ViewOf(d.Service(), windows)
			if err != nil {
				t.Fatal(err)
			}
			states, err := pipeline.ViewOf(d.Service(), seen)
			if err != nil {
				t.Fatal(err)
			}
			for key, n := range rows {
				if p, ok, err := panes.Get(key); !ok || err != nil || p.Value != n {
					t.Errorf("view of the windows at %q: %v, %v, %v, want %d", key, p.Value, ok, err, n)
				}
				if got, ok, err := states.Get(key); !ok || err != nil || got != n {
					t.Errorf("view of what follows at %q: %v, %v, %v, want %d", key, got, ok, err, n)
				}
			}
		})
	}
}

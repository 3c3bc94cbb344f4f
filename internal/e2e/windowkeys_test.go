package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/murmur2"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// On the brokers, a record with a windowed key is in the partition of its key
// without the window, as Kafka Streams has it: what Window emits, the changelog of
// its table beside its input, and what another operator and an emitter write to a
// topic that is declared so.
func TestWindowedKeysPartitions(t *testing.T) {
	for name, tt := range map[string]struct {
		windows processors.Windows
		by      pipeline.Partitioner
		inner   func(key string) (string, error)
	}{
		"time": {processors.Tumbling(time.Second), pipeline.Murmur2.Window(),
			func(key string) (string, error) { k, _, err := processors.ParseWindowKey(key); return k, err }},
		"session": {processors.Session(time.Second), pipeline.Murmur2.Session(),
			func(key string) (string, error) { k, _, _, err := processors.ParseSessionKey(key); return k, err }},
	} {
		t.Run(name, func(t *testing.T) {
			const n, parts, emitted, written = 60, 5, 7, 3
			w := newWorld(t, brokers(t))
			a := app(w.app)
			in := pipeline.NewTopic(a.topic("in"), codec.Int64(), pipeline.Partitions(parts))
			table := pipeline.NewTable(a.topic("windows"), processors.Panes(codec.Int64()))
			out := pipeline.NewTopic(a.topic("out"), codec.Int64(), pipeline.Partitions(emitted))
			on := pipeline.NewTopic(a.topic("on"), codec.Int64(), pipeline.Partitions(written), pipeline.PartitionedBy(tt.by))
			s := w.ready(w.start("m", pipeline.New(w.app).From(in).To(on).Add(
				processors.Window("sum", in, tt.windows.Retain(time.Hour), aggregate.Sum(func(n int64) int64 { return n }), table, processors.EmitUpdates(out)),
				processors.Map("on", out, on, func(_ *pipeline.Context, n int64) (int64, error) { return n, nil }))))
			e, err := pipeline.EmitterOf(s.Service, in)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().Truncate(time.Second) // brokers refuse what is far from it
			for i := range int64(n) {
				if err := e.EmitAsync(w.ctx, fmt.Sprint("key-", i), i, now, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Flush(w.ctx); err != nil {
				t.Fatal(err)
			}
			w.settled(a.group("sum"), a.topic("in"))
			w.until("all to be written on", func() bool { return len(w.read(a.topic("on"))) == n })

			own, err := pipeline.NewEmitter(w.ctx, on, pipeline.Config{Brokers: w.brokers, Logger: logger()})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range w.read(a.topic("out")) {
				if err := own.Emit(w.ctx, string(r.Key), -1); err != nil {
					t.Fatal(err)
				}
			}
			if err := own.Close(); err != nil {
				t.Fatal(err)
			}
			for topic, want := range map[string]struct {
				records int
				of      int32
			}{"out": {n, emitted}, "windows": {n, parts}, "on": {2 * n, written}} {
				records, used := w.read(a.topic(topic)), map[int32]bool{}
				if len(records) != want.records {
					t.Errorf("%s has %d records, want %d", topic, len(records), want.records)
				}
				for _, r := range records {
					key, err := tt.inner(string(r.Key))
					if err != nil {
						t.Errorf("%s: key %q: %v", topic, r.Key, err)
						continue
					}
					used[r.Partition] = true
					if p := murmur2.Partition([]byte(key), want.of); r.Partition != p {
						t.Errorf("%s: the window of %s is in partition %d, want %d", topic, key, r.Partition, p)
					}
				}
				if len(used) != int(want.of) {
					t.Errorf("%s: only %d partitions have a record", topic, len(used))
				}
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

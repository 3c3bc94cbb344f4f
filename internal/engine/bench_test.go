package engine

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/transport"
)

// instantGroup acknowledges at once.
type instantGroup struct{ transport.Group }

func (instantGroup) Produce(_ context.Context, r *transport.Record, acked func(*transport.Record, error)) {
	acked(r, nil)
}

func (g instantGroup) ProduceAll(ctx context.Context, next func() *transport.Record, acked func(*transport.Record, error)) {
	for r := next(); r != nil; r = next() {
		g.Produce(ctx, r, acked)
	}
}
func (instantGroup) Resume(transport.Assignment) {}

// copyTask is a task whose handler passes records on.
func copyTask(m Metrics) *task {
	spec := &graph.Processor{Name: "copy", Outputs: []graph.Ref{{Name: "out"}}}
	spec.Inputs = []graph.Input{{Ref: graph.Ref{Name: "in"}, Handle: func(t *graph.Task, r *graph.Record) error {
		o := t.Out.Next()
		o.Topic, o.Key, o.Value, o.Timestamp = "out", r.Key, t.Out.Keep(append(t.Out.Buffer(), r.Value...)), r.Timestamp
		return nil
	}}}
	e := New(&graph.Topology{Name: "app", Processors: []*graph.Processor{spec}},
		Config{Metrics: m, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	in := newInstance(context.Background(), e, spec)
	in.group = instantGroup{}
	return newTask(in, 0)
}

// benchmarkCopy measures the engine's part of a record's way, from the queue
// to the end of its commit: fetches of 1,000 records, a commit for each ten.
func benchmarkCopy(b *testing.B, m Metrics) {
	const fetch = 1000
	t, f := copyTask(m), fetchOf(fetch)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		t.queue.put(f)
		t.run()
		if n%10 == 9 {
			commitTask(b, t)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/fetch, "ns/record")
}

// fetchOf returns a fetch of n records of 200 bytes.
func fetchOf(n int) transport.Fetch {
	value, at := make([]byte, 200), time.Now()
	records := make([]*transport.Record, n)
	for i := range records {
		records[i] = &transport.Record{Topic: "in", Key: []byte("some-key"), Value: value, Timestamp: at, Offset: int64(i)}
	}
	return transport.Fetch{TopicPartition: transport.TopicPartition{Topic: "in"}, Records: records, End: int64(n)}
}

func commitTask(tb testing.TB, t *task) {
	g, err := t.freeze()
	if err != nil || g == nil {
		tb.Fatalf("freeze: %v, %v", g, err)
	}
	if err := g.out.wait(t.ctx); err != nil {
		tb.Fatal(err)
	}
	g.changelog.push(t.ctx, t.in.group)
	if err := g.changelog.wait(t.ctx); err != nil {
		tb.Fatal(err)
	}
	t.committed(g)
	g.out.recycle()
	g.changelog.recycle()
}

func BenchmarkCopy(b *testing.B) { benchmarkCopy(b, Metrics{}) }

// Encodings of one size must not each get an array of their own.
func TestArenaIsLeftWhenItsRestIsTooSmall(t *testing.T) {
	task := copyTask(Metrics{})
	value := make([]byte, 200)
	keep := func() { task.Keep(append(task.Buffer(), value...)) }
	for range 2 * arenaSize / len(value) { // past the end of the first arena
		keep()
	}
	if allocs := testing.AllocsPerRun(1000, keep); allocs > 0 { // it is the average, rounded down
		t.Errorf("%v allocations for each encoding of 200 bytes, want one for each arena of %d", allocs, arenaSize)
	}
}

// What the engine allocates is for each fetch and each commit, not for each
// record: of 10,000 records, fetched by the thousand and committed once.
func TestHotPathAllocations(t *testing.T) {
	const fetches, fetch, limit = 10, 1000, 320
	task, f := copyTask(Metrics{}), fetchOf(fetch)
	round := func() {
		for range fetches {
			task.queue.put(f)
			task.run()
		}
		commitTask(t, task)
	}
	for range 3 { // fills the pools
		round()
	}
	if allocs := testing.AllocsPerRun(20, round); allocs > limit {
		t.Errorf("%v allocations for %d records and their commit, want at most %d", allocs, fetches*fetch, limit)
	} else {
		t.Logf("%v allocations for %d records and their commit", allocs, fetches*fetch)
	}
}

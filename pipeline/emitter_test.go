package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

func newEmitter[V any](t testing.TB, l *lab, target pipeline.Target[V], opts ...pipeline.EmitterOption) *pipeline.Emitter[V] {
	t.Helper()
	e, err := pipeline.NewEmitter(limit(t), target, l.cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// TestEmitter emits in every way with every combination of options, and looks
// at what is in the topic.
func TestEmitter(t *testing.T) {
	acks := map[string]pipeline.EmitterOption{
		"all": pipeline.RequireAcks(pipeline.AcksAll), "leader": pipeline.RequireAcks(pipeline.AcksLeader),
		"none": pipeline.RequireAcks(pipeline.AcksNone), "all, not idempotent": pipeline.NotIdempotent(),
	}
	spreads := map[string]pipeline.EmitterOption{"runs": nil, "round robin": pipeline.RoundRobin(), "sticky": pipeline.Sticky()}
	eachLab(t, func(t *testing.T, l *lab) {
		i := 0
		for _, a := range slices.Sorted(maps.Keys(acks)) {
			for _, c := range []pipeline.Compression{pipeline.CompressionNone, pipeline.CompressionGzip, pipeline.CompressionSnappy,
				pipeline.CompressionLZ4, pipeline.CompressionZstd} {
				for _, s := range slices.Sorted(maps.Keys(spreads)) {
					by, spread := partition.All()[i%3], spreads[s]
					// All combinations in memory; with brokers every pair of a
					// compression and a way to spread, and acks in turn.
					if i++; l.memory == nil && i%4 != 0 {
						continue
					}
					opts := []pipeline.EmitterOption{acks[a], pipeline.Compress(c)}
					if spread != nil {
						opts = append(opts, spread)
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", a, c, s, by), func(t *testing.T) {
						l := *l
						l.TB = t
						emitEverything(t, &l, by, s, a == "none", opts)
					})
				}
			}
		}
	})
}

func emitEverything(t *testing.T, l *lab, by pipeline.Partitioner, spread string, unacked bool, opts []pipeline.EmitterOption) {
	const partitions, keys, unkeyed = 4, 12, 24
	ctx := limit(t)
	topic := pipeline.NewTopic(l.topic(partitions), codec.String(), pipeline.PartitionedBy(by))
	e := newEmitter(t, l, topic, opts...)
	at := time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.UTC)
	header := pipeline.Header{Name: "h", Value: []byte("x")}

	var called atomic.Int32
	for round := range 2 {
		for k := range keys {
			key := fmt.Sprint("key-", k)
			err := e.EmitAsync(ctx, key, fmt.Sprint("value-", round), at, func(err error) {
				called.Add(1)
				if err != nil {
					t.Error(err)
				}
			}, header)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if n := called.Load(); n != 2*keys {
		t.Errorf("%d acknowledgements after Flush, want %d", n, 2*keys)
	}
	for range unkeyed {
		if err := e.SendAsync(ctx, topic.Record("", "spread").Unkeyed(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Emit(ctx, "sync", "now", header); err != nil {
		t.Error(err)
	}
	if err := e.Delete(ctx, "gone"); err != nil {
		t.Error(err)
	}
	for p := range partitions {
		pos, err := e.Send(ctx, topic.Record("pinned", "there").To(p).At(at).With("h", []byte("x")))
		if err != nil || !unacked && (pos.Partition != p || pos.Offset < 0) || unacked && pos.Offset != -1 {
			t.Errorf("to partition %d: %+v, %v", p, pos, err)
		}
	}
	if _, err := e.Send(ctx, topic.Record("pinned", "nowhere").To(partitions)); err == nil {
		t.Errorf("partition %d took a record", partitions)
	}
	var lost *pipeline.UnacknowledgedError
	if err := e.Close(); !errors.As(err, &lost) || lost.Records != 1 || !slices.Equal(lost.Keys, []string{"pinned"}) {
		t.Errorf("Close says %v, want the one record for no partition", err)
	}
	if err := e.Emit(ctx, "k", "v"); !errors.Is(err, pipeline.ErrEmitterClosed) {
		t.Errorf("after Close: %v", err)
	}

	spreadOver := map[int32]int{}
	last := map[string]string{}
	const want = 2*keys + unkeyed + 2 + partitions
	n := 0
	for p, rs := range l.records(topic.Name(), want) {
		n += len(rs)
		for _, r := range rs {
			key := string(r.Key)
			switch {
			case r.Key == nil:
				spreadOver[p]++
				continue
			case key == "pinned":
				if string(r.Value) != "there" {
					t.Errorf("%s: %s", key, r.Value)
				}
			default:
				if w := by.Partition(r.Key, partitions); p != w {
					t.Errorf("key %s is in partition %d, %s says %d", key, p, by, w)
				}
			}
			if strings.HasPrefix(key, "key-") {
				if v := string(r.Value); v <= last[key] {
					t.Errorf("key %s: %s after %s", key, v, last[key])
				}
				last[key] = string(r.Value)
			}
			if hasHeader := key != "gone"; hasHeader != (len(r.Headers) == 1 && r.Headers[0].Key == "h") {
				t.Errorf("key %s has headers %v", key, r.Headers)
			}
			if fixed := key == "pinned" || strings.HasPrefix(key, "key-"); fixed != r.Timestamp.Equal(at) {
				t.Errorf("key %s has time %v", key, r.Timestamp)
			}
			if (r.Value == nil) != (key == "gone") {
				t.Errorf("key %s has value %v", key, r.Value)
			}
		}
	}
	if n != want || len(last) != keys {
		t.Errorf("%d records, %d keys, want %d and %d", n, len(last), want, keys)
	}
	if spread == "round robin" {
		for p := range int32(partitions) {
			if spreadOver[p] != unkeyed/partitions {
				t.Errorf("round robin: %v", spreadOver)
			}
		}
	}
}

func TestEmitterOptionsThatAreWrong(t *testing.T) {
	topic := pipeline.NewTopic("a/b", codec.String(), pipeline.PartitionedBy("x"))
	_, err := pipeline.NewEmitter(t.Context(), topic, pipeline.Config{Compression: "rar"}, pipeline.RequireAcks(7), pipeline.Compress("zip"), pipeline.BufferBytes(0))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no address", `"rar"`, "acks 7", `"zip"`, "0 bytes", `"a/b" is no name`, `partitioner "x"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in: %v", want, err)
		}
	}
}

func TestEmitterOfAnUnknownTopic(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		topic := pipeline.NewTopic(unique(t, "missing"), codec.String())
		e := newEmitter(t, l, topic)
		err := e.Emit(limit(t), "k", "v")
		if !errors.Is(err, pipeline.ErrUnknownTopic) || !strings.Contains(err.Error(), topic.Name()) || !strings.Contains(err.Error(), "create it") {
			t.Errorf("got %v", err)
		}
	})
}

// An emitter whose acknowledgements do not come takes no more than its bound:
// it blocks, or refuses.
func TestBackPressure(t *testing.T) {
	value := strings.Repeat("x", 1000)
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprint("refuse ", refuse), func(t *testing.T) {
			c := memory.New(memory.Config{})
			l := &lab{TB: t, cfg: configOf(c), cluster: c, memory: c}
			topic := pipeline.NewTopic(l.topic(1), codec.String())
			opts := []pipeline.EmitterOption{pipeline.BufferBytes(10_000)}
			if refuse {
				opts = append(opts, pipeline.FailWhenFull())
			}
			e := newEmitter(t, l, topic, opts...)
			c.SetHook(func(op memory.Op) memory.Verdict { return memory.Verdict{Hold: op.Kind == memory.Produce} })
			const fits = 8 // of 1,200 bytes and a little
			for range fits {
				if err := e.EmitAsync(t.Context(), "k", value, time.Time{}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if refuse {
				if err := e.EmitAsync(t.Context(), "k", value, time.Time{}, nil); !errors.Is(err, pipeline.ErrFull) {
					t.Errorf("a full emitter says %v, want ErrFull", err)
				}
			} else {
				short, cancel := context.WithCancel(t.Context())
				blocked := make(chan error)
				go func() { blocked <- e.EmitAsync(short, "k", value, time.Time{}, nil) }()
				select {
				case err := <-blocked:
					t.Fatalf("a full emitter does not block: %v", err)
				case <-time.After(50 * time.Millisecond):
				}
				cancel()
				if err := <-blocked; !errors.Is(err, context.Canceled) {
					t.Errorf("the end of its context: %v", err)
				}
				go func() { blocked <- e.EmitAsync(t.Context(), "k", value, time.Time{}, nil) }()
				c.SetHook(nil)
				c.Release()
				if err := <-blocked; err != nil {
					t.Errorf("with room again: %v", err)
				}
			}
			c.SetHook(nil)
			c.Release()
			if err := e.Flush(limit(t)); err != nil {
				t.Error(err)
			}
			if err := e.Emit(limit(t), "k", strings.Repeat("x", 20_000)); err != nil {
				t.Errorf("a record larger than the bound: %v", err)
			}
		})
	}
}

// Close gives up what is not acknowledged in time, and says what.
func TestCloseSaysWhatIsLost(t *testing.T) {
	c := memory.New(memory.Config{})
	l := &lab{TB: t, cfg: configOf(c), cluster: c, memory: c}
	l.cfg.DrainTimeout = 30 * time.Millisecond
	topic := pipeline.NewTopic(l.topic(1), codec.String())
	e := newEmitter(t, l, topic)
	if err := e.Emit(limit(t), "fine", "v"); err != nil {
		t.Fatal(err)
	}
	c.SetHook(func(op memory.Op) memory.Verdict { return memory.Verdict{Hold: op.Kind == memory.Produce} })
	var called atomic.Int32
	for i := range 12 {
		if err := e.EmitAsync(t.Context(), fmt.Sprint("k", i), "v", time.Time{}, func(err error) {
			if err != nil {
				called.Add(1)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := e.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
	err := e.Close()
	var lost *pipeline.UnacknowledgedError
	if !errors.As(err, &lost) || lost.Records != 12 || len(lost.Keys) != 10 || lost.Keys[0] != "k0" || lost.Topic != topic.Name() {
		t.Fatalf("Close says %v", err)
	}
	if n := called.Load(); n != 12 {
		t.Errorf("%d callbacks with an error, want 12", n)
	}
	if err := e.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// What cannot be queued is an error at once, and nothing is sent: another
// topic's record, a value that does not encode, by either way of emitting.
func TestRecordsThatCannotBeSent(t *testing.T) {
	c := memory.New(memory.Config{})
	l := &lab{TB: t, cfg: configOf(c), cluster: c, memory: c}
	topic := pipeline.NewTopic(l.topic(1), codec.Codec[string](panicky{codec.String()}))
	e := newEmitter(t, l, topic)
	done := func(at pipeline.Position, err error) { t.Errorf("called back with %v, %v", at, err) }
	if err := e.SendAsync(limit(t), clicks.Record("k", "v"), done); !errors.Is(err, pipeline.ErrMismatch) || !strings.Contains(err.Error(), "clicks") {
		t.Errorf("a record of another topic: %v", err)
	}
	if err := e.SendAsync(limit(t), topic.Record("k", "panic"), done); err == nil || !strings.Contains(err.Error(), "no encoding") {
		t.Errorf("a record whose codec panics: %v", err)
	}
	if err := e.EmitAsync(limit(t), "k", "panic", time.Time{}, func(err error) { done(pipeline.Position{}, err) }); err == nil || !strings.Contains(err.Error(), "no encoding") {
		t.Errorf("a value whose codec panics: %v", err)
	}
	if at, err := e.Send(limit(t), topic.Record("k", "panic")); err == nil || at != (pipeline.Position{Partition: -1, Offset: -1}) {
		t.Errorf("Send: %v, %v", at, err)
	}
	if err := e.Flush(limit(t)); err != nil {
		t.Errorf("Flush knows of what was refused: %v", err)
	}
	if n := len(c.Records(topic.Name())); n != 0 {
		t.Errorf("%d records were sent", n)
	}
}

// Emit returns with its context while an acknowledgement is awaited; of an
// emitter of a service, Close says what the service is left with.
func TestEmitterOfAServiceThatWaits(t *testing.T) {
	c := memory.New(memory.Config{})
	cfg := configOf(c)
	cfg.DrainTimeout = 30 * time.Millisecond
	s, err := pipeline.NewService(one(func(p *pipeline.Processor) { pipeline.Input(p, clicks, nothing[string]) }), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run := make(chan error, 1)
	go func() { run <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-run; err != nil {
			t.Error(err)
		}
	}()
	if err := s.WaitReady(limit(t)); err != nil {
		t.Fatal(err)
	}
	e, err := pipeline.EmitterOf(s, clicks)
	if err != nil {
		t.Fatal(err)
	}
	sent, stop := context.WithCancelCause(t.Context())
	gone := errors.New("the client is gone")
	c.SetHook(func(op memory.Op) memory.Verdict {
		mine := op.Kind == memory.Produce && op.Record.Topic == "clicks"
		if mine {
			stop(gone)
		}
		return memory.Verdict{Hold: mine}
	})
	if err := e.Emit(sent, "k1", "v"); !errors.Is(err, gone) {
		t.Errorf("Emit with a context that ends: %v", err)
	}
	err = e.Close()
	var lost *pipeline.UnacknowledgedError
	if !errors.As(err, &lost) || lost.Records != 1 || lost.Topic != "clicks" || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "topic clicks: 1 record(s) were not acknowledged") {
		t.Errorf("Close: %v", err)
	}
	if err := e.Emit(limit(t), "k2", "v"); !errors.Is(err, pipeline.ErrEmitterClosed) {
		t.Errorf("Emit after Close: %v", err)
	}
	c.SetHook(nil)
	c.Release()
}

// All records that were acknowledged are in the topic once and in the order of
// their partition, those that failed are not, whatever fails and whoever emits.
func TestEmitterProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := memory.New(memory.Config{})
		partitions := rapid.Int32Range(1, 4).Draw(rt, "partitions")
		if err := c.Create(t.Context(), transport.TopicSpec{Name: "t", Partitions: partitions}); err != nil {
			rt.Fatal(err)
		}
		topic := pipeline.NewTopic("t", codec.Int64(), pipeline.PartitionedBy(rapid.SampledFrom(partition.All()).Draw(rt, "by")))
		e, err := pipeline.NewEmitter(t.Context(), topic, configOf(c), pipeline.BufferBytes(rapid.IntRange(1, 2000).Draw(rt, "buffer")))
		if err != nil {
			rt.Fatal(err)
		}
		fails := map[int64]bool{}
		for _, n := range rapid.SliceOfN(rapid.Int64Range(0, 200), 0, 20).Draw(rt, "fails") {
			fails[n] = true
		}
		broken := errors.New("broken")
		c.SetHook(func(op memory.Op) memory.Verdict {
			if op.Kind == memory.Produce && op.Record.Value != nil {
				if v, _ := codec.Int64().Decode(op.Record.Value); fails[v] {
					return memory.Verdict{Err: broken}
				}
			}
			return memory.Verdict{}
		})
		var mu sync.Mutex
		acked, failed := map[int64]bool{}, 0
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 200).Draw(rt, "steps")
		sent := int64(0)
		for _, s := range steps {
			switch s {
			case 0:
				var lost *pipeline.UnacknowledgedError
				if err := e.Flush(t.Context()); errors.As(err, &lost) {
					failed += lost.Records
				} else if err != nil {
					rt.Fatal(err)
				}
				mu.Lock()
				for n := range sent {
					if acked[n] == fails[n] {
						rt.Fatalf("record %d: acknowledged %v after Flush, fails %v", n, acked[n], fails[n])
					}
				}
				mu.Unlock()
			default:
				n := sent
				sent++
				err := e.EmitAsync(t.Context(), fmt.Sprint("key-", s), n, time.Time{}, func(err error) {
					mu.Lock()
					defer mu.Unlock()
					acked[n] = err == nil
				})
				if err != nil {
					rt.Fatal(err)
				}
			}
		}
		var lost *pipeline.UnacknowledgedError
		if errors.As(e.Close(), &lost) {
			failed += lost.Records
		}
		seen, last := map[int64]bool{}, map[int32]int64{}
		for _, r := range c.Records("t") {
			n, _ := codec.Int64().Decode(r.Value)
			if seen[n] || !acked[n] {
				rt.Fatalf("record %d: again %v, acknowledged %v", n, seen[n], acked[n])
			}
			if l, ok := last[r.Partition]; ok && l >= n {
				rt.Fatalf("partition %d: %d after %d", r.Partition, n, l)
			}
			seen[n], last[r.Partition] = true, n
		}
		maps.DeleteFunc(acked, func(_ int64, ok bool) bool { return !ok })
		if len(seen) != len(acked) || len(seen)+failed != int(sent) {
			rt.Fatalf("sent %d, acknowledged %d, in the topic %d, failed %d", sent, len(acked), len(seen), failed)
		}
	})
}

// Connections that break and answers that are lost do not make an idempotent
// emitter write twice, out of order, or not at all.
func TestEmitterThroughFaults(t *testing.T) {
	l := embeddedLab(t)
	topic := pipeline.NewTopic(l.topic(3), codec.Int64())
	e := newEmitter(t, l, topic, pipeline.BufferBytes(20_000))
	var requests atomic.Int32
	lost := errors.New("lost on the way")
	err := l.broker.Intercept(kmsg.Produce, func(kmsg.Request) (kmsg.Response, error) {
		if requests.Add(1)%7 == 0 {
			return nil, lost
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const each, writers = 300, 3
	var emitting sync.WaitGroup
	for w := range writers {
		emitting.Go(func() {
			for i := range each {
				if i%100 == 50 && w == 0 {
					l.broker.DropConnections()
				}
				if err := e.EmitAsync(limit(t), fmt.Sprint("writer-", w), int64(i), time.Time{}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	emitting.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[string]int64{}
	for _, rs := range l.records(topic.Name(), each*writers) {
		for _, r := range rs {
			n, _ := codec.Int64().Decode(r.Value)
			if n != next[string(r.Key)] {
				t.Fatalf("%s: %d, want %d", r.Key, n, next[string(r.Key)])
			}
			next[string(r.Key)]++
		}
	}
	if len(next) != writers || requests.Load() < 7 {
		t.Errorf("%v after %d requests", next, requests.Load())
	}
}

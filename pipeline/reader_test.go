package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func newReader[V any](t testing.TB, l *lab, target pipeline.Target[V], opts ...pipeline.ReaderOption) *pipeline.Reader[V] {
	t.Helper()
	r, err := pipeline.NewReader(limit(t), target, l.cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// fill writes n records to each partition, named partition.number, an hour
// apart from each other.
func fill(t testing.TB, l *lab, topic pipeline.Topic[string], partitions, from, n int) {
	t.Helper()
	e := newEmitter(t, l, topic)
	for p := range partitions {
		for i := from; i < from+n; i++ {
			r := topic.Record("k", fmt.Sprintf("%d.%d", p, i)).To(p).At(day.Add(time.Duration(i) * time.Hour))
			if err := e.SendAsync(limit(t), r, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// take reads n messages and checks that each partition's are in order.
func take(t testing.TB, r *pipeline.Reader[string], n int) map[int][]string {
	t.Helper()
	got, all := map[int][]string{}, 0
	last := map[int]int64{}
	for m, err := range r.Messages(limit(t)) {
		if err != nil {
			t.Fatalf("after %d messages: %v", all, err)
		}
		if o, ok := last[m.Partition]; ok && m.Offset <= o {
			t.Errorf("partition %d: offset %d after %d", m.Partition, m.Offset, o)
		}
		last[m.Partition] = m.Offset
		got[m.Partition] = append(got[m.Partition], m.Value)
		if all++; n >= 0 && all == n {
			break
		}
	}
	return got
}

// expected are the names of the records of partitions from and up to a number.
func expected(to int, from map[int]int) map[int][]string {
	want := map[int][]string{}
	for p, f := range from {
		for i := f; i < to; i++ {
			want[p] = append(want[p], fmt.Sprintf("%d.%d", p, i))
		}
	}
	return want
}

// TestReader reads from everywhere, all partitions and some, alone and in a
// group, to the end and on.
func TestReader(t *testing.T) {
	const partitions, n = 3, 10
	all := func(from int) map[int]int { return map[int]int{0: from, 1: from, 2: from} }
	type start struct {
		opts []pipeline.ReaderOption
		from map[int]int
	}
	starts := map[string]start{
		"default":    {nil, all(0)},
		"oldest":     {[]pipeline.ReaderOption{pipeline.FromOldest()}, all(0)},
		"newest":     {[]pipeline.ReaderOption{pipeline.FromNewest()}, all(n)},
		"time":       {[]pipeline.ReaderOption{pipeline.FromTime(day.Add(3*time.Hour - time.Minute))}, all(3)},
		"exact time": {[]pipeline.ReaderOption{pipeline.FromTime(day.Add(3 * time.Hour))}, all(3)},
		"past":       {[]pipeline.ReaderOption{pipeline.FromTime(day.Add(-1000 * time.Hour))}, all(0)},
		"future":     {[]pipeline.ReaderOption{pipeline.FromTime(day.Add(1000 * time.Hour))}, all(n)},
	}
	alone := map[string]start{
		"offsets":    {[]pipeline.ReaderOption{pipeline.FromOffsets(map[int]int64{0: 2, 2: 9})}, map[int]int{0: 2, 2: 9}},
		"end offset": {[]pipeline.ReaderOption{pipeline.FromOffsets(map[int]int64{1: n})}, map[int]int{1: n}},
		"one":        {[]pipeline.ReaderOption{pipeline.OfPartitions(1)}, map[int]int{1: 0}},
		"two":        {[]pipeline.ReaderOption{pipeline.OfPartitions(2, 0), pipeline.FromTime(day.Add(5 * time.Hour))}, map[int]int{0: 5, 2: 5}},
	}
	for name, s := range starts {
		alone["alone "+name] = start{append(s.opts, pipeline.ReadUncommitted()), s.from}
	}
	eachLab(t, func(t *testing.T, l *lab) {
		topic := pipeline.NewTopic(l.topic(partitions), codec.String())
		fill(t, l, topic, partitions, 0, n)
		for name, s := range alone {
			starts[name] = s
		}
		for name, s := range starts {
			_, onlyAlone := alone[name]
			for _, grouped := range []bool{false, true} {
				if grouped && onlyAlone {
					continue
				}
				t.Run(fmt.Sprintf("%s/group %v/until the end", name, grouped), func(t *testing.T) {
					opts := append(slices.Clone(s.opts), pipeline.UntilEnd())
					if grouped {
						opts = append(opts, pipeline.InGroup(unique(t, "group")))
					}
					r := newReader(t, l, topic, opts...)
					if got, want := take(t, r, -1), expected(n, s.from); !maps.EqualFunc(got, want, slices.Equal) {
						t.Errorf("got %v, want %v", got, want)
					}
					if got := take(t, r, -1); len(got) != 0 {
						t.Errorf("after the end: %v", got)
					}
				})
			}
		}
	})
}

// A reader that follows gets what is written later, and goes on where a loop was
// broken off.
func TestReaderFollows(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		for _, grouped := range []bool{false, true} {
			t.Run(fmt.Sprint("group ", grouped), func(t *testing.T) {
				topic := pipeline.NewTopic(l.topic(2), codec.String())
				fill(t, l, topic, 2, 0, 3)
				var opts []pipeline.ReaderOption
				if grouped {
					opts = append(opts, pipeline.InGroup(unique(t, "group")))
				}
				r := newReader(t, l, topic, opts...)
				first := take(t, r, 4) // the fourth was not handled: it comes again
				fill(t, l, topic, 2, 3, 3)
				again := take(t, r, 9)
				for p := range 2 {
					var numbers []string
					for i := range 6 {
						numbers = append(numbers, fmt.Sprintf("%d.%d", p, i))
					}
					got := append(slices.Clone(first[p]), again[p]...)
					if slices.Sort(got); !slices.Equal(slices.Compact(got), numbers) {
						t.Errorf("partition %d: %v, then %v", p, first[p], again[p])
					}
				}
				if n := len(first[0]) + len(first[1]) + len(again[0]) + len(again[1]); n != 13 {
					t.Errorf("%d messages, want 12 and one again", n)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				stop := errors.New("enough")
				time.AfterFunc(20*time.Millisecond, func() { cancel(stop) })
				handled := 0
				err := r.Each(ctx, func(context.Context, pipeline.Message[string]) error { handled++; return nil })
				if !errors.Is(err, stop) || handled > 1 {
					t.Errorf("%d messages, %v, want the one left and the context's cause", handled, err)
				}
			})
		}
	})
}

// A message has all that its record has.
func TestMessage(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		table := pipeline.NewTable(l.topic(1), codec.JSON[visit]())
		e := newEmitter(t, l, table)
		ctx := limit(t)
		for _, r := range []pipeline.Record{
			table.Row("k", visit{"p"}).At(day).With("h", []byte("1")).With("h", []byte("2")),
			table.Deleted("k").At(day.Add(time.Hour)),
			table.Row("", visit{}).Unkeyed().At(day),
		} {
			if _, err := e.Send(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		var got []pipeline.Message[visit]
		if err := newReader(t, l, table, pipeline.UntilEnd()).Each(ctx, func(_ context.Context, m pipeline.Message[visit]) error {
			if m.Offset == 0 {
				if h, ok := m.Header("h"); !ok || string(h) != "2" {
					t.Errorf("header %q, %v", h, ok)
				}
				if _, ok := m.Header("none"); ok {
					t.Error("a header that is not there")
				}
			}
			m.Headers = nil
			got = append(got, m)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		name := table.Name()
		want := fmt.Sprint([]pipeline.Message[visit]{
			{Topic: name, Offset: 0, Key: "k", HasKey: true, Value: visit{"p"}, Timestamp: day},
			{Topic: name, Offset: 1, Key: "k", HasKey: true, Deleted: true, Timestamp: day.Add(time.Hour)},
			{Topic: name, Offset: 2, Timestamp: day},
		})
		if fmt.Sprint(got) != want {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

// panicky is a codec that fails on "bad" and panics on "panic".
type panicky struct{ codec.Codec[string] }

func (c panicky) Decode(b []byte) (string, error) {
	switch string(b) {
	case "bad":
		return "", errors.New("it is bad")
	case "panic":
		panic("it is worse")
	}
	return c.Codec.Decode(b)
}

func (c panicky) Append(dst []byte, s string) ([]byte, error) {
	if s == "panic" {
		panic("no encoding")
	}
	return c.Codec.Append(dst, s)
}

// A record that cannot be decoded is an error that names it, and after which
// the reading goes on.
func TestUndecodable(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		name := l.topic(1)
		raw := pipeline.NewTopic(name, codec.String())
		topic := pipeline.NewTopic(name, codec.Codec[string](panicky{codec.String()}))
		e := newEmitter(t, l, raw)
		for i, v := range []string{"a", "bad", "b", "panic", "c"} {
			if err := e.Emit(limit(t), strconv.Itoa(i), v); err != nil {
				t.Fatal(err)
			}
		}
		if err := newEmitter(t, l, topic).Emit(limit(t), "k", "panic"); err == nil || !strings.Contains(err.Error(), "no encoding") {
			t.Errorf("a codec that panics: %v", err)
		}
		for _, grouped := range []bool{false, true} {
			opts := []pipeline.ReaderOption{pipeline.UntilEnd()}
			if grouped {
				opts = append(opts, pipeline.InGroup(unique(t, "group")))
			}
			var values, bad []string
			for m, err := range newReader(t, l, topic, opts...).Messages(limit(t)) {
				var undecodable *pipeline.MessageError
				switch {
				case errors.As(err, &undecodable):
					if m.Offset != undecodable.Offset || undecodable.Topic != name || undecodable.Key != m.Key || m.Key != strconv.Itoa(int(m.Offset)) {
						t.Errorf("%+v with %+v", undecodable, m)
					}
					bad = append(bad, string(undecodable.Value))
				case err != nil:
					t.Fatal(err)
				default:
					values = append(values, m.Value)
				}
			}
			if !slices.Equal(values, []string{"a", "b", "c"}) || !slices.Equal(bad, []string{"bad", "panic"}) {
				t.Errorf("values %q, bad %q", values, bad)
			}
		}
		r := newReader(t, l, topic, pipeline.UntilEnd())
		ignore := func(context.Context, pipeline.Message[string]) error { return nil }
		var undecodable *pipeline.MessageError
		if err := r.Each(limit(t), ignore); !errors.As(err, &undecodable) || undecodable.Offset != 1 ||
			!strings.Contains(err.Error(), fmt.Sprintf(`topic %s, partition 0, offset 1, key "1": it is bad`, name)) {
			t.Errorf("Each: %v", err)
		}
		skipped := 0
		r = newReader(t, l, topic, pipeline.UntilEnd(), pipeline.OnUndecodable(func(*pipeline.MessageError) error { skipped++; return nil }))
		if err := r.Each(limit(t), ignore); err != nil || skipped != 2 {
			t.Errorf("skipped %d, %v", skipped, err)
		}
	})
}

// Members of a group share the partitions, each message is handled, and one
// whose handler failed comes again.
func TestReadersShare(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		const partitions, n = 4, 25
		topic := pipeline.NewTopic(l.topic(partitions), codec.String())
		fill(t, l, topic, partitions, 0, n)
		group := pipeline.InGroup(unique(t, "group"))
		var mu sync.Mutex
		seen := map[string]int{}
		done := make(chan struct{})
		ctx, cancel := context.WithCancel(limit(t))
		defer cancel()
		var reading sync.WaitGroup
		broken := errors.New("broken")
		for i := range 2 {
			r := newReader(t, l, topic, group)
			reading.Go(func() {
				failed := false
				for {
					err := r.Each(ctx, func(_ context.Context, m pipeline.Message[string]) error {
						mu.Lock()
						defer mu.Unlock()
						if len(seen) == 10 && i == 0 && !failed {
							failed = true
							return broken // once, in the middle
						}
						if seen[m.Value]++; len(seen) == partitions*n && seen["end"] == 0 {
							seen["end"] = 1
							close(done)
						}
						return nil
					})
					if !errors.Is(err, broken) {
						if !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		select {
		case <-done:
		case <-ctx.Done():
			mu.Lock()
			t.Errorf("handled %d of %d", len(seen), partitions*n)
			mu.Unlock()
		}
		cancel()
		reading.Wait()
	})
}

// A reader that is not read from holds nobody up: another gets its part, and can
// be closed.
func TestReadersDoNotWaitForAnIdleOne(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		const partitions, n = 2, 3
		topic := pipeline.NewTopic(l.topic(partitions), codec.String())
		fill(t, l, topic, partitions, 0, n)
		group := pipeline.InGroup(unique(t, "group"))
		seen := map[string]int{}
		read := func(r *pipeline.Reader[string], until func() bool) {
			for m, err := range r.Messages(limit(t)) {
				if err != nil {
					t.Fatal(err)
				}
				if seen[m.Value]++; until() {
					return // in the middle of it: it was not handled
				}
			}
		}
		idle := newReader(t, l, topic, group)
		read(idle, func() bool { return len(seen) == 1 })
		other := newReader(t, l, topic, group)
		read(other, func() bool { return len(seen) >= n })
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		read(idle, func() bool { return len(seen) == partitions*n })
	})
}

// What was handled is committed; a reader that takes over goes on after it.
func TestCommits(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		topic := pipeline.NewTopic(l.topic(1), codec.String())
		fill(t, l, topic, 1, 0, 10)
		committed := func(group string) int64 {
			o, err := l.cluster.GroupOffsets(limit(t), group)
			if err != nil {
				t.Fatal(err)
			}
			return o[topic.Name()][0]
		}
		t.Run("automatic", func(t *testing.T) {
			group := unique(t, "group")
			r := newReader(t, l, topic, pipeline.InGroup(group))
			take(t, r, 4)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if o := committed(group); o != 3 {
				t.Errorf("committed %d, want the 3 that were handled", o)
			}
			if got := take(t, newReader(t, l, topic, pipeline.InGroup(group)), 7); got[0][0] != "0.3" {
				t.Errorf("the next reader got %v", got)
			}
			// With what was read a while ago, and nothing new.
			group = unique(t, "idle")
			r = newReader(t, l, topic, pipeline.InGroup(group))
			ctx, cancel := context.WithCancel(t.Context())
			var reading sync.WaitGroup
			reading.Go(func() {
				_ = r.Each(ctx, func(context.Context, pipeline.Message[string]) error { return nil })
			})
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for limited := limit(t); committed(group) != 10; {
				select {
				case <-tick.C:
				case <-limited.Done():
					t.Fatalf("committed %d of 10", committed(group))
				}
			}
			cancel()
			reading.Wait()
		})
		t.Run("manual", func(t *testing.T) {
			group := unique(t, "group")
			r := newReader(t, l, topic, pipeline.InGroup(group), pipeline.ManualCommit(), pipeline.UntilEnd())
			n := 0
			err := r.Each(limit(t), func(ctx context.Context, m pipeline.Message[string]) error {
				if n++; n == 6 {
					return r.Commit(ctx)
				}
				return nil
			})
			if err != nil || n != 10 {
				t.Fatalf("%d messages, %v", n, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if o := committed(group); o != 6 {
				t.Errorf("committed %d, want 6", o)
			}
			if err := r.Commit(t.Context()); !errors.Is(err, pipeline.ErrReaderClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	})
}

func TestReaderThatCannotBe(t *testing.T) {
	eachLab(t, func(t *testing.T, l *lab) {
		topic := pipeline.NewTopic(l.topic(2), codec.String())
		fill(t, l, topic, 2, 0, 3)
		var out *pipeline.OffsetOutOfRangeError
		if _, err := pipeline.NewReader(limit(t), topic, l.cfg, pipeline.FromOffsets(map[int]int64{1: 4})); !errors.As(err, &out) || out.End != 3 || out.Partition != 1 {
			t.Errorf("from an offset after the end: %v", err)
		}
		if _, err := pipeline.NewReader(limit(t), topic, l.cfg, pipeline.OfPartitions(2)); !errors.Is(err, pipeline.ErrConfig) || !strings.Contains(err.Error(), "no partition 2") {
			t.Errorf("of a partition that is not there: %v", err)
		}
		missing := pipeline.NewTopic(unique(t, "missing"), codec.String())
		if _, err := pipeline.NewReader(limit(t), missing, l.cfg); !errors.Is(err, pipeline.ErrUnknownTopic) || !strings.Contains(err.Error(), missing.Name()) {
			t.Errorf("of a topic that is not there: %v", err)
		}
		for name, tt := range map[string]struct {
			opts []pipeline.ReaderOption
			want []string
		}{
			"two starts":      {[]pipeline.ReaderOption{pipeline.FromOldest(), pipeline.FromNewest()}, []string{"use one"}},
			"group of some":   {[]pipeline.ReaderOption{pipeline.InGroup("g"), pipeline.OfPartitions(0)}, []string{"leave out OfPartitions"}},
			"manual alone":    {[]pipeline.ReaderOption{pipeline.ManualCommit()}, []string{"for InGroup"}},
			"several at once": {[]pipeline.ReaderOption{pipeline.InGroup(""), pipeline.FromOffsets(map[int]int64{-1: -1})}, []string{"no name", "offset -1", "partition -1"}},
			"more partitions": {[]pipeline.ReaderOption{pipeline.FromOffsets(map[int]int64{0: 0}), pipeline.OfPartitions(1)}, []string{"FromOffsets names the partitions"}},
		} {
			_, err := pipeline.NewReader(t.Context(), topic, l.cfg, tt.opts...)
			for _, w := range tt.want {
				if !errors.Is(err, pipeline.ErrConfig) || !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %v, want %q", name, err, w)
				}
			}
		}
		r := newReader(t, l, topic)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for _, err := range r.Messages(t.Context()) {
			if !errors.Is(err, pipeline.ErrReaderClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}

// A test of a topology reads and emits by its service.
func TestReaderOfAService(t *testing.T) {
	pipelinetest.Each(t, func() *pipeline.Topology {
		return one(func(p *pipeline.Processor) {
			out := pipeline.Output(p, visits)
			pipeline.Input(p, clicks, func(ctx *pipeline.Context, v string) error {
				out.Emit(ctx, ctx.Key(), visit{v})
				return nil
			})
		})
	}, func(d *pipelinetest.Driver) {
		e, err := pipeline.EmitterOf(d.Service(), clicks)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Emit(limit(t), "k", "home"); err != nil {
			t.Fatal(err)
		}
		r, err := pipeline.ReaderOf(limit(t), d.Service(), visits)
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range r.Messages(limit(t)) {
			if err != nil || m.Key != "k" || m.Value != (visit{"home"}) {
				t.Errorf("%+v, %v", m, err)
			}
			break
		}
		if err := errors.Join(r.Close(), e.Close()); err != nil {
			t.Error(err)
		}
		if _, err := pipeline.EmitterOf(d.Service(), clicks, pipeline.RoundRobin()); !errors.Is(err, pipeline.ErrConfig) {
			t.Errorf("an option that needs a connection: %v", err)
		}
	})
}

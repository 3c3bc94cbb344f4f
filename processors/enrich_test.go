package processors_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/murmur2"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

var dead = pipeline.NewTopic("dead", codec.Bytes())

// service answers over HTTP with twice the number that it is asked for. It
// counts, and may be told to be slow or to fail.
type service struct {
	*httptest.Server
	calls, now, most atomic.Int64
	before           func(n int64) (status int) // 0: go on
}

func newService(t testing.TB) *service {
	s := &service{before: func(int64) int { return 0 }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		for now := s.now.Add(1); ; {
			if most := s.most.Load(); now <= most || s.most.CompareAndSwap(most, now) {
				break
			}
		}
		defer s.now.Add(-1)
		var n int64
		if _, err := fmt.Sscan(r.URL.Query().Get("n"), &n); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if status := s.before(n); status != 0 {
			w.WriteHeader(status)
			return
		}
		fmt.Fprint(w, 2*n)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) double(ctx context.Context, _ string, n int64) (answer int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprint(s.URL, "/?n=", n), nil)
	if err != nil {
		return 0, pipeline.Permanent(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", resp.StatusCode)
	}
	_, err = fmt.Sscan(string(b), &answer)
	return answer, err
}

func enriched(s *service, opts ...processors.CallOption) *pipeline.Topology {
	return pipeline.New("t").From(numbers).To(results, dead).Add(processors.Enrich("double", numbers, results, s.double, opts...).DeadLetters(dead))
}

// Results come in the order of the records, however long each call takes, and
// as many calls as are allowed are under way at once, no more.
func TestEnrichKeepsOrder(t *testing.T) {
	s := newService(t)
	full := make(chan struct{})
	var once sync.Once
	var waiting atomic.Int64
	s.before = func(n int64) int {
		if n < 8 { // the first eight end when all have been under way for a while, which one more would show in
			if waiting.Add(1) == 8 {
				once.Do(func() { time.AfterFunc(20*time.Millisecond, func() { close(full) }) })
			}
			<-full
		}
		return 0
	}
	d := pipelinetest.New(t, enriched(s, processors.CallsAtOnce(8, 0)))
	var in, want []pipeline.Record
	for n := range int64(200) {
		in = append(in, numbers.Record("k", n))
		want = append(want, results.Record("k", 2*n))
	}
	d.Pipe(in...)
	d.Expect(want...)
	if most := s.most.Load(); most != 8 {
		t.Errorf("%d calls at once, want 8", most)
	}
	if n := s.calls.Load(); n != 200 {
		t.Errorf("%d calls for 200 records", n)
	}
}

// dies ends a service soon whose cluster was killed: a commit of it never returns.
func dies(c *pipeline.Config) { c.DrainTimeout = 20 * time.Millisecond }

// A call that does not end holds up neither the calls of later records nor what
// other partitions do, and nothing is committed past its record. It ends with
// the run.
func TestEnrichSlowCall(t *testing.T) {
	hung, release := make(chan struct{}), make(chan struct{})
	var hang atomic.Bool
	hang.Store(true)
	var later atomic.Int64
	call := func(ctx context.Context, key string, n int64) (int64, error) {
		switch {
		case n == 0 && hang.CompareAndSwap(true, false):
			close(hung)
			select {
			case <-release:
			case <-ctx.Done():
			}
			return 0, ctx.Err()
		case key == "a":
			later.Add(1)
		}
		return 2 * n, nil
	}
	p := processors.Enrich("double", numbers, results, call, processors.CallsAtOnce(2, 10), processors.CallTimeout(time.Hour))
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(p), func(c *pipeline.Config) { c.Partitions = 2 }, dies)
	e, err := pipeline.EmitterOf(d.Service(), numbers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	send := func(key string, n int64) {
		t.Helper()
		if err := e.Emit(ctx, key, n); err != nil {
			t.Fatal(err)
		}
	}
	const a = "a"
	b := "b" // of the other partition
	for n := 0; murmur2.Partition([]byte(b), 2) == murmur2.Partition([]byte(a), 2); n++ {
		b = fmt.Sprint("b", n)
	}
	for n := range int64(20) {
		send(a, n)
	}
	<-hung
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for later.Load() < 9 { // the look-ahead is 10
		<-tick.C
	}
	got := map[string]int{}
	for n := range int64(5) { // each is committed while the call hangs
		send(b, n)
		for seen := false; !seen; {
			for _, m := range pipelinetest.Read(d, results) {
				got[m.Key]++
				seen = seen || m.Key == b && m.Value == 2*n
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				t.Fatal("a call of another partition holds up the commits of this one")
			}
		}
	}
	if got[a] != 0 || later.Load() > 9 {
		t.Errorf("%d results were committed past the record that waits, %d records were looked at", got[a], later.Load()+1)
	}
	d.Crash()
	var want []pipeline.Record
	for n := range int64(20) {
		want = append(want, results.Record(a, 2*n))
	}
	d.Send(numbers.Record(b, 7)) // and all before it
	d.Expect(append(want, results.Record(b, 14))...)
}

// A record whose call fails goes by the processor's policy; those after it are
// called for once.
func TestEnrichFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		status func(n, attempt int64) int
		opts   []processors.CallOption
		policy pipeline.ErrorPolicy
		calls  int64 // for the number 3
		dead   bool
	}{
		"dead letter": {func(int64, int64) int { return 500 }, nil, pipeline.DeadLetter(dead), 1, true},
		"retried calls": {func(_, attempt int64) int { return map[bool]int{true: 500}[attempt < 3] },
			[]processors.CallOption{processors.CallRetry(4, pipeline.Backoff{Min: time.Millisecond})}, pipeline.DeadLetter(dead), 3, false},
		"retries used up": {func(int64, int64) int { return 500 },
			[]processors.CallOption{processors.CallRetry(2, pipeline.Backoff{Min: time.Millisecond})}, pipeline.DeadLetter(dead), 3, true},
		"retried records": {func(_, attempt int64) int { return map[bool]int{true: 500}[attempt < 3] }, nil,
			pipeline.Retry(5, pipeline.Backoff{Min: time.Millisecond}).Then(pipeline.DeadLetter(dead)), 3, false},
		"skip": {func(int64, int64) int { return 404 }, nil, pipeline.Skip(), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			var attempts atomic.Int64
			s.before = func(n int64) int {
				if n == 3 {
					return tt.status(n, attempts.Add(1))
				}
				return 0
			}
			d := pipelinetest.New(t, pipeline.New("t").From(numbers, dead).To(results, dead).Add(
				processors.Enrich("double", numbers, results, s.double, tt.opts...).OnError(tt.policy)))
			var in, want []pipeline.Record
			for n := range int64(20) {
				in = append(in, numbers.Record("k", n))
				if n != 3 || !tt.dead && name != "skip" {
					want = append(want, results.Record("k", 2*n))
				}
			}
			d.Pipe(in...)
			d.Expect(want...)
			if got := len(pipelinetest.Read(d, dead)); got != map[bool]int{true: 1}[tt.dead] {
				t.Errorf("%d dead letters", got)
			}
			if attempts.Load() != tt.calls || s.calls.Load() != 19+tt.calls {
				t.Errorf("%d calls for the record that fails, want %d; %d in all", attempts.Load(), tt.calls, s.calls.Load())
			}
		})
	}
}

// The first record that fails without a policy stops the run, with what was
// before it committed; a panic and a bad value fail their record alone.
func TestEnrichStops(t *testing.T) {
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
		processors.Enrich("p", numbers, results, func(_ context.Context, _ string, n int64) (int64, error) {
			if n == 1 {
				panic("one")
			}
			return n, nil
		})))
	d.Send(numbers.Record("k", 0))
	err := d.TrySend(numbers.Record("k", 1))
	var re *pipeline.RecordError
	if !errors.As(err, &re) || re.Stage != pipeline.StagePanic || re.Offset != 1 || re.Key != "k" || !strings.Contains(re.Stack, "enrich_test.go") {
		t.Errorf("%v, want the panic of the record, with its stack", err)
	}
	d.Expect(results.Record("k", 0))

	bytes := pipeline.NewTopic("numbers", codec.Bytes())
	d = pipelinetest.New(t, pipeline.New("t").From(numbers).To(results, dead).Add(
		processors.Enrich("p", numbers, results, func(_ context.Context, _ string, n int64) (int64, error) { return n, nil }).DeadLetters(dead)))
	d.Send(numbers.Record("k", 0), bytes.Record("k", []byte("x")), numbers.Record("k", 2).Unkeyed(), numbers.Record("k", 3))
	d.Expect(results.Record("k", 0), results.Record("", 2), results.Record("k", 3))
	if ms := pipelinetest.Read(d, dead); len(ms) != 1 || string(ms[0].Value) != "x" {
		t.Errorf("dead letters: %v", ms)
	}
}

func TestEnrichTimeout(t *testing.T) {
	var calls atomic.Int64
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
		processors.Enrich("p", numbers, results, func(ctx context.Context, _ string, n int64) (int64, error) {
			calls.Add(1)
			<-ctx.Done()
			return 0, ctx.Err()
		}, processors.CallTimeout(5*time.Millisecond), processors.CallRetry(2, pipeline.Backoff{Min: time.Millisecond}))))
	err := d.TrySend(numbers.Record("k", 1))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 5ms") || calls.Load() != 3 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	calls.Store(0)
	d = pipelinetest.New(t, pipeline.New("t").From(numbers).To(results, dead).Add(
		processors.Enrich("p", numbers, results, func(context.Context, string, int64) (int64, error) {
			calls.Add(1)
			return 0, pipeline.Permanent(errors.New("never"))
		}, processors.CallRetry(5, pipeline.Backoff{Min: time.Millisecond})).DeadLetters(dead)))
	d.Send(numbers.Record("k", 1))
	if calls.Load() != 1 {
		t.Errorf("a permanent error was retried: %d calls", calls.Load())
	}
}

// Equal questions are one call, and its answer is kept for its time.
func TestEnrichBy(t *testing.T) {
	var calls atomic.Int64
	release := make(chan struct{})
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(texts).Add(
		processors.EnrichBy("name", numbers, texts, func(_ string, n int64) string { return fmt.Sprint(n % 2) },
			func(_ context.Context, by string) (string, error) {
				calls.Add(1)
				<-release
				return "group " + by, nil
			}, func(_ *pipeline.Context, n int64, group string) (string, error) {
				return fmt.Sprint(n, " is of ", group), nil
			},
			processors.CallCache(time.Minute, 10))))
	var in, want []pipeline.Record
	for n := range int64(6) {
		in = append(in, numbers.Record("k", n))
		want = append(want, texts.Record("k", fmt.Sprint(n, " is of group ", n%2)))
	}
	time.AfterFunc(5*time.Millisecond, func() { close(release) })
	d.Pipe(in...)
	d.Expect(want...)
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls, want one for each group", n)
	}
	d.Advance(59 * time.Second)
	d.Send(in[0])
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls within the cache's time", n)
	}
	d.Advance(time.Second)
	d.Send(in[0])
	if n := calls.Load(); n != 3 {
		t.Errorf("%d calls once it was over, want one more", n)
	}
}

func TestEnrichCacheByKey(t *testing.T) {
	var calls atomic.Int64
	d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(texts).Add(
		processors.Enrich("name", numbers, texts, func(_ context.Context, key string, _ int64) (string, error) {
			calls.Add(1)
			return "name of " + key, nil
		}, processors.CallCache(time.Hour, 2))))
	d.Send(numbers.Record("a", 1), numbers.Record("b", 1), numbers.Record("a", 1), numbers.Record("c", 1), numbers.Record("a", 1), numbers.Record("b", 1),
		numbers.Record("", 1).Unkeyed(), numbers.Record("", 1).Unkeyed())
	if n := calls.Load(); n != 6 { // a, b, c; b again, which a and c drove out; and those without a key
		t.Errorf("%d calls, want 6", n)
	}
}

func TestEnrichWrongOptions(t *testing.T) {
	p := processors.Enrich("p", numbers, results, func(context.Context, string, int64) (int64, error) { return 0, nil },
		processors.CallsAtOnce(0, -1), processors.CallTimeout(0), processors.CallRetry(0, pipeline.Backoff{}), processors.CallCache(0, 0))
	err := pipeline.New("t").From(numbers).To(results).Add(p).Validate()
	for _, want := range []string{"CallsAtOnce", "-1 records", "CallTimeout", "CallRetry", "CallCache"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in: %v", want, err)
		}
	}
	for _, p := range []*pipeline.Processor{
		processors.Enrich[int64, int64]("p", numbers, results, nil),
		processors.EnrichBy[int64, int64, int64]("p", numbers, results, nil, nil, nil),
	} {
		if err := pipeline.New("t").From(numbers).To(results).Add(p).Validate(); !errors.Is(err, pipeline.ErrConfig) {
			t.Errorf("no function: %v", err)
		}
	}
}

// Over random records, calls that fail at random, and crashes while calls are
// under way, each record's result is there once, in the order that was asked for;
// each was called for.
func TestEnrichModel(t *testing.T) {
	for _, order := range []pipeline.Order{pipeline.PartitionOrder, pipeline.KeyOrder, pipeline.Unordered} {
		t.Run(order.String(), func(t *testing.T) { enrichModel(t, order) })
	}
}

func enrichModel(t *testing.T, order pipeline.Order) {
	rapid.Check(t, func(rt *rapid.T) {
		rs := records(rt)
		crashes := rapid.SliceOfN(rapid.IntRange(0, len(rs)), 0, 3).Draw(rt, "crash after")
		fails := rapid.SliceOfN(rapid.Bool(), 7, 7).Draw(rt, "fails")
		delays := rapid.SliceOfN(rapid.IntRange(0, 3), 5, 5).Draw(rt, "delays")
		calls := rapid.IntRange(1, 4).Draw(rt, "calls at once")
		limit := rapid.IntRange(1, 9).Draw(rt, "looked at")
		var got, want []rec
		var mu sync.Mutex
		asked := map[int64]int{}
		t.Run("", func(t *testing.T) {
			var n atomic.Int64
			call := func(ctx context.Context, _ string, v int64) (int64, error) {
				i := int(n.Add(1))
				mu.Lock()
				asked[v]++
				mu.Unlock()
				select {
				case <-time.After(time.Duration(delays[i%5]) * 100 * time.Microsecond):
				case <-ctx.Done():
					return 0, ctx.Err()
				}
				if fails[i%7] && i%3 != 0 {
					return 0, errors.New("away")
				}
				return v + 1000, nil
			}
			d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(
				processors.Enrich("enrich", numbers, results, call, processors.CallsAtOnce(calls, limit), processors.CallOrder(order)).
					OnError(pipeline.Retry(pipeline.Unlimited, pipeline.Backoff{Min: 100 * time.Microsecond, Max: time.Millisecond}))), dies)
			e, err := pipeline.EmitterOf(d.Service(), numbers)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rs {
				for _, c := range crashes {
					if c == i {
						d.Crash() // with what was not waited for
						if e, err = pipeline.EmitterOf(d.Service(), numbers); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := e.Emit(t.Context(), r.key, r.n); err != nil {
					t.Fatal(err)
				}
			}
			d.Pipe(numbers.Record("end", 0))
			for _, m := range pipelinetest.Read(d, results) {
				got = append(got, rec{key: m.Key, n: m.Value})
			}
		})
		for _, r := range append(rs, rec{key: "end"}) {
			want = append(want, rec{key: r.key, n: r.n + 1000})
			if asked[r.n] == 0 {
				rt.Fatalf("%d was not asked for", r.n)
			}
		}
		inOrder(got, order)
		inOrder(want, order)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

// inOrder sorts by what an order does not keep.
func inOrder(rs []rec, order pipeline.Order) {
	slices.SortStableFunc(rs, func(a, b rec) int {
		switch order {
		case pipeline.KeyOrder:
			return strings.Compare(a.key, b.key)
		case pipeline.Unordered:
			return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.n, b.n))
		}
		return 0
	})
}

// Results overtake a call that hangs, as far as they may, and are committed while
// it does; its offset is not. After a crash they are not there again.
func TestEnrichOvertakes(t *testing.T) {
	for _, order := range []pipeline.Order{pipeline.KeyOrder, pipeline.Unordered} {
		t.Run(order.String(), func(t *testing.T) {
			var hang atomic.Bool
			hang.Store(true)
			call := func(ctx context.Context, _ string, n int64) (int64, error) {
				if n == 3 && hang.Load() {
					<-ctx.Done()
					return 0, ctx.Err()
				}
				return 2 * n, nil
			}
			const ahead = 20
			d := pipelinetest.New(t, pipeline.New("t").From(numbers).To(results).Add(processors.Enrich("double", numbers, results, call,
				processors.CallsAtOnce(2, ahead), processors.CallTimeout(time.Hour), processors.CallOrder(order))), dies)
			e, err := pipeline.EmitterOf(d.Service(), numbers)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var all, early []string // early: while the call for 3 hangs
			for n := range int64(60) {
				key := string(rune('a' + n%4))
				all = append(all, fmt.Sprint(key, 2*n))
				if n < 3 || n > 3 && n < 3+ahead && (order == pipeline.Unordered || n%4 != 3) {
					early = append(early, fmt.Sprint(key, 2*n))
				}
				if err := e.Emit(ctx, key, n); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			read := func() []string { // all so far
				for _, m := range pipelinetest.Read(d, results) {
					got = append(got, fmt.Sprint(m.Key, m.Value))
				}
				slices.Sort(got)
				return got
			}
			slices.Sort(early)
			wait := time.NewTicker(time.Millisecond)
			defer wait.Stop()
			for len(read()) < len(early) {
				select {
				case <-wait.C:
				case <-ctx.Done():
					t.Fatalf("while a call hangs there are %v, want %v", got, early)
				}
			}
			if got := read(); !slices.Equal(got, early) {
				t.Errorf("while a call hangs there are %v, want %v", got, early)
			}
			lag := func() int64 { return d.Service().Status().Processors[0].Partitions[0].Inputs[0].Lag }
			for lag() != 57 { // what is there and what is committed is heard of a little later
				select {
				case <-wait.C:
				case <-ctx.Done():
					t.Fatalf("lag %d: the offset that is committed is not that of the call that hangs", lag())
				}
			}
			hang.Store(false)
			d.Crash()
			d.Send(numbers.Record("end", 60))
			all = append(all, "end120")
			slices.Sort(all)
			if got := read(); !slices.Equal(got, all) {
				t.Errorf("after a crash there are %v, want %v", got, all)
			}
		})
	}
}

// A call for each record, in each order.
func BenchmarkEnrich(b *testing.B) {
	for _, order := range []pipeline.Order{pipeline.PartitionOrder, pipeline.KeyOrder, pipeline.Unordered} {
		for _, calls := range []int{1, 10, 100} {
			b.Run(fmt.Sprint(order, ", ", calls, " at once"), func(b *testing.B) { benchmarkEnrich(b, calls, order) })
		}
	}
}

// benchmarkEnrich makes calls of a millisecond, of which each 50th takes 20.
func benchmarkEnrich(b *testing.B, calls int, order pipeline.Order) {
	d := pipelinetest.New(b, pipeline.New("t").From(numbers).To(results).Add(
		processors.Enrich("enrich", numbers, results, func(ctx context.Context, _ string, n int64) (int64, error) {
			took := time.Millisecond
			if n%50 == 0 {
				took = 20 * time.Millisecond
			}
			select {
			case <-time.After(took):
			case <-ctx.Done():
			}
			return n, nil
		}, processors.CallsAtOnce(calls, 0), processors.CallOrder(order))))
	in := make([]pipeline.Record, b.N)
	for i := range in {
		in[i] = numbers.Record(fmt.Sprint("k", i%1000), int64(i))
	}
	b.ResetTimer()
	d.Pipe(in...)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// The questions of a hundred customers, whose answers are kept.
func BenchmarkEnrichBy(b *testing.B) {
	p := processors.EnrichBy("enrich", numbers, results, func(_ string, n int64) string { return fmt.Sprint(n % 100) },
		func(_ context.Context, by string) (int64, error) { return int64(len(by)), nil },
		func(_ *pipeline.Context, n, length int64) (int64, error) { return n + length, nil }, processors.CallCache(time.Hour, 1000))
	benchmark(b, pipeline.New("t").From(numbers).To(results).Add(p), func(i int) pipeline.Record { return numbers.Record("k", int64(i)) })
}

// Orders get what a service knows of their customers. Orders of one customer
// that come together share a call.
func ExampleEnrichBy() {
	type order struct{ Customer, Item string }
	orders := pipeline.NewTopic("orders", codec.JSON[order]())
	addressed := pipeline.NewTopic("orders.addressed", codec.String())

	address := func(_ context.Context, customer string) (string, error) { // by HTTP, with ctx
		return map[string]string{"ada": "12 St James's Square"}[customer], nil
	}
	// doc: enrich
	p := processors.EnrichBy("address", orders, addressed,
		func(_ string, o order) string { return o.Customer }, address,
		func(_ *pipeline.Context, o order, a string) (string, error) { return o.Item + " to " + a, nil },
		processors.CallsAtOnce(20, 0), processors.CallTimeout(2*time.Second),
		processors.CallRetry(3, pipeline.Backoff{}), processors.CallCache(time.Minute, 10_000))
	// end
	t := pipeline.New("shop").From(orders).To(addressed).Add(p)
	pipelinetest.Example(t, func(d *pipelinetest.Driver) {
		d.Pipe(orders.Record("1", order{"ada", "notes"}), orders.Record("2", order{"ada", "cards"}))
		for _, m := range pipelinetest.Read(d, addressed) {
			fmt.Println(m.Key, m.Value)
		}
	})
	// Output:
	// 1 notes to 12 St James's Square
	// 2 cards to 12 St James's Square
}

// Over the network to a broker, with a restart in between.
func TestEnrichOnABroker(t *testing.T) {
	s := newService(t)
	d := pipelinetest.Embedded(t, enriched(s, processors.CallsAtOnce(4, 0)))
	var want []pipeline.Record
	for round := range int64(2) {
		var in []pipeline.Record
		for n := range int64(50) {
			in = append(in, numbers.Record("k", 100*round+n))
			want = append(want, results.Record("k", 2*(100*round+n)))
		}
		d.Pipe(in...)
		d.Restart()
	}
	d.Expect(want...)
}

// What it reads is written in transactions, whose ends are in the topic too.
func TestEnrichReadsTransactions(t *testing.T) {
	double := func(_ context.Context, _ string, n int64) (int64, error) { return 2 * n, nil }
	d := pipelinetest.Embedded(t, pipeline.New("t").From(numbers).To(results).Add(
		processors.Map("first", numbers, more, func(_ *pipeline.Context, n int64) (int64, error) { return n + 1, nil }),
		processors.Enrich("double", more, results, double, processors.CallsAtOnce(4, 0), processors.CallOrder(pipeline.Unordered))))
	var got, want []int64
	for round := range int64(3) {
		for n := range int64(5) {
			d.Send(numbers.Record("k", 10*round+n)) // a transaction for each
			want = append(want, 2*(10*round+n+1))
		}
		for _, m := range pipelinetest.Read(d, results) {
			got = append(got, m.Value)
		}
		d.Restart()
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

//go:build !kafka

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/testbroker"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/embedded"
	"github.com/millrace/millrace/storage"
)

// TestHistories runs random histories under exactly-once, each on an embedded
// broker of its own: records, services that start, stop and crash, disks that
// are lost, a broker that restarts, moves leaders, drops connections, refuses
// requests, or does them and says that it did not. In the end a count of each
// key's records has put out 1, 2, 3 ... for it, once each and in order, and a sum
// of those counts, over a second topic, is n(n+1)/2; and each of the timers that
// were set for every count, by event time and by the clock, has fired once.
//
// MILLRACE_HISTORIES is how many, MILLRACE_SEED repeats one that failed.
func TestHistories(t *testing.T) {
	n := number(t, "MILLRACE_HISTORIES", 12)
	seed, workers := uint64(time.Now().UnixNano()), 8
	if s := number(t, "MILLRACE_SEED", 0); s != 0 {
		seed, n = uint64(s), 1
	}
	next := make(chan uint64)
	var running sync.WaitGroup
	var total tally
	for range min(n, workers) {
		running.Go(func() {
			for seed := range next {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newHistory(t, seed, &total).run() })
			}
		})
	}
	for i := range n {
		next <- seed + uint64(i)
	}
	close(next)
	running.Wait()
	t.Logf("%d histories from seed %d: %s", n, seed, &total)
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// tally counts what happened in all histories.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what] += n
}

func (c *tally) String() (s string) {
	for _, what := range slices.Sorted(maps.Keys(c.n)) {
		s += fmt.Sprintf("%s %d, ", what, c.n[what])
	}
	return s
}

// history is one of them.
type history struct {
	*world
	random   *rand.Rand
	total    *tally
	broker   *embedded.Broker
	a        app
	machines []*machine
	sent     map[string]int
	steps    []string
	log      *lines
}

// lines keeps what services say, for a history that fails.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func newHistory(t *testing.T, seed uint64, total *tally) *history {
	b := testbroker.Start(t, embedded.Config{Nodes: 2, MinSessionTimeout: time.Second, Logger: logger()})
	h := &history{world: newWorld(t, b.Addresses()), random: rand.New(rand.NewPCG(seed, 0)), total: total, broker: b, sent: map[string]int{}, log: new(lines)}
	h.a = app(h.app)
	for i := range 2 {
		h.machines = append(h.machines, newMachine(fmt.Sprint("m", i), filepath.Join(h.dir, fmt.Sprint("m", i))))
	}
	t.Cleanup(func() {
		for _, m := range h.machines {
			m.crash()
		}
		if t.Failed() {
			t.Logf("the history was: %q\n%s", h.steps, &h.log.all)
		}
	})
	for _, topic := range []string{"in", "out", "fired"} {
		if err := h.cluster.Create(h.ctx, transport.TopicSpec{Name: h.a.topic(topic), Partitions: 3}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// topology has a processor and two behind it, with a topic between them.
func (h *history) topology() *pipeline.Topology {
	count := pipeline.Process("count")
	counts := pipeline.State(count, h.a.table("counts"))
	between := pipeline.NewTopic(h.a.topic("out"), codec.Int64())
	out := pipeline.Output(count, between)
	pipeline.Input(count, h.a.str("in"), func(ctx *pipeline.Context, _ string) error {
		n, _ := counts.Get(ctx)
		counts.Set(ctx, n+1)
		out.Emit(ctx, ctx.Key(), n+1)
		return nil
	})
	sum := pipeline.Process("sum")
	sums := pipeline.State(sum, h.a.table("sums"))
	pipeline.Input(sum, between, func(ctx *pipeline.Context, n int64) error {
		s, _ := sums.Get(ctx)
		sums.Set(ctx, s+n)
		return nil
	})
	fired := h.a.str("fired")
	return pipeline.New(h.app).From(h.a.str("in")).Add(count, sum, h.timers(between, fired)).To(fired)
}

// timers sets a timer of each kind for each count, and tells when one fires.
func (h *history) timers(counts pipeline.Topic[int64], to pipeline.Topic[string]) *pipeline.Processor {
	p := pipeline.Process("time")
	out := pipeline.Output(p, to)
	event := pipeline.EventTimers(p, h.a.topic("event"), codec.Int64())
	clock := pipeline.ClockTimers(p, h.a.topic("clock"), codec.Int64())
	tell := func(kind string) func(*pipeline.Context, int64) error {
		return func(ctx *pipeline.Context, n int64) error {
			out.Emit(ctx, ctx.Key(), fmt.Sprint(kind, n))
			return nil
		}
	}
	event.Handle(tell("event "))
	clock.Handle(tell("clock "))
	pipeline.Input(p, counts, func(ctx *pipeline.Context, n int64) error {
		key := fmt.Sprint(ctx.Key(), " ", n)
		event.Set(ctx, key, ctx.Timestamp().Add(time.Duration(n%3)*time.Millisecond), n)
		clock.Set(ctx, key, ctx.Now().Add(time.Duration(n%50)*time.Millisecond), n)
		return nil
	})
	pipeline.Idle(p, time.Second) // the last records' event timers are to fire, too
	return p
}

// firings says how often each timer fired.
func (h *history) firings() map[string]int {
	n := map[string]int{}
	for _, r := range h.read(h.a.topic("fired")) {
		n[fmt.Sprint(string(r.Key), ": ", string(r.Value))]++
	}
	return n
}

// start runs the topology on a machine.
func (h *history) start(m *machine) {
	h.Helper()
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("on", m.name)
	m.line.Mend()
	cluster, err := kafka.New(h.ctx, kafka.Config{Brokers: h.brokers, ClientID: m.name, SessionTimeout: time.Second,
		RebalanceTimeout: 5 * time.Second, Dial: m.line.Dial, Logger: logger})
	if err != nil {
		h.Fatal(err)
	}
	c := pipeline.Config{StateDir: m.dir, CommitInterval: 20 * time.Millisecond, DrainTimeout: 500 * time.Millisecond,
		TransactionTimeout: 10 * time.Second, RestartMin: 10 * time.Millisecond, RestartMax: 100 * time.Millisecond, Logger: logger}
	s, err := pipeline.NewService(h.topology(), c.WithEngine(func(e *engine.Config) {
		e.Cluster, e.ClientID, e.Check = cluster, m.name, true
		e.OpenStore = func(s engine.StoreSpec) (storage.Store, error) { return m.disk.openStore(s) }
	}))
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.service = &service{Service: s, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(m.service.ended)
		m.service.err = s.Run(ctx)
		_ = cluster.Close()
	}()
}

// startAny starts a machine that does not run, and mostly waits until it is ready.
func (h *history) startAny() {
	m := h.any()
	if m.service != nil {
		return
	}
	h.start(m)
	if h.random.IntN(3) > 0 {
		ctx, cancel := context.WithTimeout(h.ctx, 5*time.Second)
		defer cancel()
		_ = m.service.WaitReady(ctx) // or not: something may be broken
	}
}

// run is the history, and the reckoning.
func (h *history) run() {
	h.start(h.machines[0])
	h.sendSome()
	h.settle()
	for range 4 + h.random.IntN(16) {
		step := steps[h.random.IntN(len(steps))]
		h.steps = append(h.steps, step.name)
		fmt.Fprintf(h.log, "%v step %s\n", time.Now().Format("15:04:05.000"), step.name)
		h.total.add(step.name, 1)
		step.do(h)
	}
	if err := h.broker.Resume(h.ctx); err != nil {
		h.Fatal(err)
	}
	for _, m := range h.machines {
		m.crash()
	}
	h.forgotten()
	last := h.machines[h.random.IntN(2)]
	if h.random.IntN(2) == 0 {
		h.wipe(last)
	}
	h.start(last)
	h.sendSome() // what is counted now shows whether the state was restored
	want := map[string]string{}
	for k, n := range h.sent {
		want[k] = string(int64s(int64(n * (n + 1) / 2)))
	}
	h.until("the sums", func() bool { return maps.Equal(h.rows(h.a.topic("sums")), want) })
	timers := map[string]int{}
	for k, n := range h.sent {
		for i := range n {
			for _, kind := range []string{"event", "clock"} {
				timers[fmt.Sprintf("%s %d: %s %d", k, i+1, kind, i+1)] = 1
			}
		}
	}
	h.until("the timers", func() bool { return len(h.firings()) >= len(timers) })
	if err := last.service.stop(); err != nil {
		h.Errorf("the last service: %v", err)
	}
	if got := h.rows(h.a.topic("sums")); !maps.Equal(got, want) {
		h.Errorf("sums %q, want %q", got, want)
	}
	if got := h.firings(); !maps.Equal(got, timers) {
		for k := range timers {
			if got[k] != 1 {
				h.Errorf("timer %s fired %d times", k, got[k])
			}
			delete(got, k)
		}
		if len(got) > 0 {
			h.Errorf("timers that nobody has set fired: %v", got)
		}
	}
	next := map[string]int64{}
	for _, r := range h.read(h.a.topic("out")) {
		k := string(r.Key)
		if next[k]++; h.number(string(r.Value)) != next[k] {
			h.Errorf("output %d of %s is %d", next[k], k, h.number(string(r.Value)))
		}
	}
	for k, n := range h.sent {
		h.total.add("records", n)
		if next[k] != int64(n) {
			h.Errorf("%s was counted to %d, want %d", k, next[k], n)
		}
	}
}

// step is a thing that can happen.
type step struct {
	name string
	do   func(h *history)
}

// steps are all of them; what is there more than once is more likely.
var steps = slices.Concat(
	slices.Repeat([]step{{"send", (*history).sendSome}}, 6),
	slices.Repeat([]step{{"crash", func(h *history) { h.any().crash() }}}, 3),
	slices.Repeat([]step{{"start", (*history).startAny}}, 5),
	slices.Repeat([]step{{"settle", (*history).settle}}, 5),
	[]step{
		{"stop", func(h *history) {
			if m := h.any(); m.service != nil {
				_ = m.service.stop() // its last commit may be one that is made to fail
				m.service = nil
			}
		}},
		{"lose the disk", func(h *history) { h.wipe(h.any()) }},
		{"restart the broker", func(h *history) {
			if err := h.broker.Restart(h.ctx); err != nil {
				h.Fatal(err)
			}
		}},
		{"drop connections", func(h *history) { h.broker.DropConnections() }},
		{"move a leader", func(h *history) {
			topic := h.a.topic([]string{"in", "out"}[h.random.IntN(2)])
			if err := h.broker.MoveLeader(topic, h.random.Int32N(3), h.random.Int32N(2)); err != nil {
				h.Fatal(err)
			}
		}},
		{"outputs refused", refuse(kmsg.Produce, kerr.NotLeaderForPartition)},
		{"outputs too large", refuse(kmsg.Produce, kerr.MessageTooLarge)},
		{"outputs done, and denied", refuse(kmsg.Produce, kerr.RequestTimedOut)},
		{"offsets refused", refuse(kmsg.TxnOffsetCommit, kerr.CoordinatorLoadInProgress)},
		{"offsets of a stranger", refuse(kmsg.TxnOffsetCommit, kerr.UnknownMemberID)},
		{"offsets of another generation", refuse(kmsg.TxnOffsetCommit, kerr.IllegalGeneration)},
		{"end refused", refuse(kmsg.EndTxn, kerr.CoordinatorNotAvailable)},
		{"end of another transaction", refuse(kmsg.EndTxn, kerr.ConcurrentTransactions)},
		{"end done, and denied", refuse(kmsg.EndTxn, kerr.RequestTimedOut)},
		{"end fenced", refuse(kmsg.EndTxn, kerr.ProducerFenced)},
		{"expelled", refuse(kmsg.Heartbeat, kerr.UnknownMemberID)},
		{"asked to join again", refuse(kmsg.Heartbeat, kerr.RebalanceInProgress)},
		{"no producer id", refuse(kmsg.InitProducerID, kerr.CoordinatorNotAvailable)},
	},
)

// refuse fails one to three of the next requests of a kind; not those of the
// sender, who would have to know whether its record arrived.
func refuse(key kmsg.Key, err error) func(h *history) {
	return func(h *history) {
		f := embedded.Fault{Keys: []kmsg.Key{key}, Err: err, Count: 1 + h.random.IntN(3)}
		if key == kmsg.Produce {
			f.Topic = h.a.topic([]string{"out", "counts", "sums", "fired", "event", "clock"}[h.random.IntN(6)])
		}
		if _, err := h.broker.Inject(f); err != nil {
			h.Fatal(err)
		}
	}
}

func (h *history) any() *machine { return h.machines[h.random.IntN(len(h.machines))] }

// forgotten waits until the groups have no members. One that crashes while it
// waits to be told that it has joined stays a member of the embedded broker's
// group if others go on (kfake), and keeps its partitions for ever.
func (h *history) forgotten() {
	h.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.brokers...))
	if err != nil {
		h.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	h.until("the groups to be empty", func() bool {
		groups, err := admin.DescribeGroups(h.ctx, h.a.group("count"), h.a.group("sum"), h.a.group("time"))
		n := 0
		for _, g := range groups {
			n += len(g.Members)
		}
		return err == nil && n == 0
	})
}

func (h *history) wipe(m *machine) {
	m.crash()
	m.disk.wipe()
	if err := os.RemoveAll(m.dir); err != nil {
		h.Fatal(err)
	}
}

// settle lets the services finish; now and then it does not wait for it, so that
// what happens next happens in the middle of something.
func (h *history) settle() {
	most := time.Duration(h.random.IntN(200)) * time.Millisecond
	if h.random.IntN(3) > 0 {
		most = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(h.ctx, most)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for h.machines[0].service != nil || h.machines[1].service != nil {
		select {
		case <-tick.C:
			one, err1 := h.behind(h.a.group("count"), h.a.topic("in"))
			two, err2 := h.behind(h.a.group("sum"), h.a.topic("out"))
			three, err3 := h.behind(h.a.group("time"), h.a.topic("out"))
			if err1 == nil && err2 == nil && err3 == nil && one+two+three == 0 {
				h.total.add("settled", 1)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// sendSome writes records of a few keys.
func (h *history) sendSome() {
	var rs []*transport.Record
	for range 1 + h.random.IntN(20) {
		k := fmt.Sprint("key-", h.random.IntN(6))
		h.sent[k]++
		rs = append(rs, record(h.a.topic("in"), k))
	}
	h.world.send(rs...)
}

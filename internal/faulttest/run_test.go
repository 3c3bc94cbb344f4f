//go:build kafka

package faulttest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// patient is how long a test waits for what must happen.
const patient = 4 * time.Minute

// long says whether the long forms are wanted: make test-faults.
func long() bool { return os.Getenv("MILLRACE_FAULTS") == "long" }

// either chooses by the form.
func either[T any](longForm, shortForm T) T {
	if long() {
		return longForm
	}
	return shortForm
}

// run is one workload on a cluster: services, what is sent, and what happens to
// both.
type run struct {
	*testing.T
	ctx    context.Context
	direct []string // brokers, by no proxy
	c      *kafka.Cluster
	admin  *kadm.Client
	kind   string
	w      workload
	g      pipeline.Guarantee
	began  time.Time
	random *rand.Rand
	keys   map[string]string // see intern

	services []*service
	faults   map[string]int
	open     int // kills that left a transaction open
	sent     int
	values   func() (key string, n int64)
}

// service is a member of the group: a state folder, and a process or none.
type service struct {
	job
	*child
}

// newRun makes a run of n services. They do not run yet.
func newRun(t *testing.T, brokers []string, g pipeline.Guarantee, kind string, n int) *run {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	x := &run{T: t, direct: brokers, c: connect(t, brokers), admin: connectAdmin(t, brokers), kind: kind, g: g,
		began: time.Now(), random: rand.New(rand.NewPCG(seed, 0)), keys: map[string]string{}, faults: map[string]int{}}
	x.Logf("seed %d", seed)
	x.patience(patient)
	prefix := fmt.Sprintf("fault-%s-%s-%d", kind, g, seed)
	var err error
	if x.w, err = newWorkload(kind, prefix); err != nil {
		t.Fatal(err)
	}
	for range n {
		x.services = append(x.services, &service{job: job{Brokers: brokers, Dir: t.TempDir(), Guarantee: g, Workload: kind, Prefix: prefix}})
	}
	values := rand.New(rand.NewPCG(seed, 1)) // of the goroutine that sends
	x.values = func() (string, int64) {
		return fmt.Sprintf("key-%d", values.IntN(eosKeys)), int64(values.IntN(eosValues))
	}
	return x
}

// patience sets how long the run may take from now on.
func (x *run) patience(d time.Duration) {
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithTimeout(x.Context(), d)
	x.Cleanup(cancel)
}

func (x *run) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// repeats says whether records may have been handled more than once.
func (x *run) repeats() bool { return x.g == pipeline.AtLeastOnce && x.faults["service killed"] > 0 }

func (x *run) fault(what string) { x.faults[what]++ }

func (x *run) start(i int) { x.services[i].child = start(x.T, x.services[i].job) }

func (x *run) startAll() {
	x.Helper()
	for i := range x.services {
		x.start(i)
	}
	for i := range x.services {
		x.ready(i)
	}
}

func (x *run) ready(i int) {
	x.Helper()
	c := x.services[i].child
	select {
	case <-c.ready:
	case <-c.ended:
		x.Fatalf("service %d ended: %v\n%s", i, c.err, c.log)
	case <-x.ctx.Done():
		x.Fatalf("service %d is not ready:\n%s", i, c.log)
	}
}

// kill9 kills a service, if it can be in the middle of a transaction, and
// counts it if that was left open.
func (x *run) kill9(i int) {
	x.Helper()
	s := x.services[i]
	ids := map[string]bool{}
	for p := range x.w.processors() {
		id, err := os.ReadFile(filepath.Join(s.Dir, x.w.name(), p, "transactional-id"))
		if err == nil {
			ids[string(id)] = true
		}
	}
	transacts := func() bool {
		open, err := x.ongoing(x.ctx)
		return err == nil && slices.ContainsFunc(open, func(id string) bool { return ids[id] })
	}
	for range 50 { // it may have no partition, or nothing to do
		if len(ids) == 0 || transacts() {
			break
		}
	}
	s.kill()
	x.fault("service killed")
	if transacts() {
		x.open++
	}
}

// load sends records at a rate until it is stopped; then all are acknowledged.
func (x *run) load(perSecond int) (stop func()) {
	ctx, cancel := context.WithCancel(x.ctx)
	var sender sync.WaitGroup
	sender.Go(func() {
		const ticks = 50
		tick := time.NewTicker(time.Second / ticks)
		defer tick.Stop()
		p, err := x.c.NewProducer(x.ctx, transport.ProducerConfig{})
		if err != nil {
			x.Errorf("send: %v", err)
			return
		}
		defer p.Close()
		var acked sync.WaitGroup
		defer acked.Wait()
		for {
			select {
			case <-tick.C:
				x.produce(p, &acked, perSecond/ticks)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		sender.Wait()
	}
}

// send sends records at once, and waits for their acknowledgements.
func (x *run) send(n int) {
	x.Helper()
	p, err := x.c.NewProducer(x.ctx, transport.ProducerConfig{})
	x.must(err)
	defer p.Close()
	var acked sync.WaitGroup
	x.produce(p, &acked, n)
	acked.Wait()
}

func (x *run) produce(p transport.Producer, acked *sync.WaitGroup, n int) {
	for range n {
		key, n := x.values()
		v, _ := codec.Int64().Append(nil, n)
		x.sent++
		acked.Add(1)
		p.Produce(x.ctx, &transport.Record{Topic: x.w.input(), Key: []byte(key), Value: v}, func(_ *transport.Record, err error) {
			defer acked.Done()
			if err != nil && x.ctx.Err() == nil {
				x.Errorf("send: %v", err)
			}
		})
	}
}

// pass waits, for so long as a fault shall last.
func (x *run) pass(d time.Duration) {
	x.Helper()
	select {
	case <-time.After(d):
	case <-x.ctx.Done():
		x.Fatal("out of time")
	}
}

// processed waits until all processors have committed all that is there.
func (x *run) processed() {
	x.Helper()
	processors := x.w.processors()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		behind := x.behind(processors)
		if behind == "" {
			return
		}
		select {
		case <-tick.C:
		case <-x.ctx.Done():
			for _, s := range x.services {
				if s.child != nil {
					x.Logf("%s", tail(s.log.String()))
				}
			}
			x.Fatalf("never came to the end: %s", behind)
		}
	}
}

// behind says what is not committed, "" if nothing is. A processor reads what
// another wrote before, so that all must be at their ends at one time.
func (x *run) behind(processors map[string][]string) string {
	for _, p := range slices.Sorted(maps.Keys(processors)) {
		offsets, err := x.c.GroupOffsets(x.ctx, x.w.name()+"-"+p)
		if err != nil {
			return fmt.Sprintf("offsets of %s: %v", p, err)
		}
		for _, topic := range processors[p] {
			for part := range int32(partitions) {
				_, end, err := x.c.Bounds(x.ctx, transport.TopicPartition{Topic: topic, Partition: part})
				if err != nil || offsets[topic][part] < end {
					return fmt.Sprintf("processor %s, topic %s, partition %d: %d of %d, %v", p, topic, part, offsets[topic][part], end, err)
				}
			}
		}
	}
	return ""
}

// finish stops the services and compares. It returns what was counted.
func (x *run) finish() figures {
	x.Helper()
	x.processed()
	if r, ok := x.w.(resting); ok {
		r.rest(x.ctx, x)
	}
	took := time.Since(x.began)
	for _, s := range x.services {
		if s.child != nil {
			s.stop()
		}
	}
	x.settled(x.ctx)
	f := x.w.verify(x.ctx, x)
	if f.records != x.sent {
		x.Errorf("%d records were sent, and %d are there", x.sent, f.records)
	}
	x.Logf("%s, %s: %d records, %s; %d transactions left open by kills; %d outputs compared, %d lost, %d doubled, %v",
		x.kind, x.g, f.records, summary(x.faults), x.open, f.compared, f.lost, f.duplicates, took.Round(time.Second))
	return f
}

func summary(counts map[string]int) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s: %d", what, counts[what]))
	}
	if all == nil {
		return "no faults"
	}
	return strings.Join(all, ", ")
}

// tail is the end of a log.
func tail(s string) string {
	const n = 8 << 10
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}

// fewKeys makes what is sent from now on be of so many keys.
func (x *run) fewKeys(n int) {
	values := rand.New(rand.NewPCG(x.random.Uint64(), 0))
	x.values = func() (string, int64) {
		return fmt.Sprintf("key-%d", values.IntN(n)), int64(values.IntN(eosValues))
	}
}

// says waits until a service has logged something.
func (x *run) says(i int, what string) {
	x.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		log := x.services[i].log.String()
		if strings.Contains(log, what) {
			return
		}
		select {
		case <-tick.C:
		case <-x.ctx.Done():
			x.Fatalf("service %d never says %q:\n%s", i, what, tail(log))
		}
	}
}

// revive starts a service again if it has ended by itself, as whoever runs it
// would.
func (x *run) revive(i int) {
	x.Helper()
	select {
	case <-x.services[i].ended:
		x.fault("service ended by itself")
		x.Logf("service %d ended by itself: %v\n%s", i, x.services[i].err, tail(x.services[i].log.String()))
		x.start(i)
	default:
	}
}

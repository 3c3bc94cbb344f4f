package engine_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/storage"
	memstore "github.com/millrace/millrace/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// lab is a cluster in memory with services that come and go.
type lab struct {
	t *testing.T
	*memory.Cluster

	mu     sync.Mutex
	stores map[string]*memstore.Store
	open   map[string]bool // by path: LevelDB's lock
	opens  map[string]int  // by machine: how often a store was opened
	closes map[string]int  // by path: how often a store was closed
}

// lockedStore is a store that lets nobody else in, as LevelDB does.
type lockedStore struct {
	storage.Store
	release func()
}

func (s lockedStore) Close() error {
	s.release()
	return s.Store.Close()
}

func newLab(t *testing.T, partitions int32, topics ...string) *lab {
	l := &lab{t: t, Cluster: memory.New(memory.Config{}), stores: map[string]*memstore.Store{}, open: map[string]bool{}, opens: map[string]int{}, closes: map[string]int{}}
	for _, topic := range topics {
		if err := l.Create(t.Context(), transport.TopicSpec{Name: topic, Partitions: partitions}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// send writes records "key=value" as another program would.
func (l *lab) send(topic string, keys ...string) {
	l.t.Helper()
	for _, k := range keys {
		if err := l.Append(&transport.Record{Topic: topic, Key: []byte(k), Value: []byte(k)}, false); err != nil {
			l.t.Fatal(err)
		}
	}
}

// keys returns the keys of a topic's records, in the order of the appends.
func (l *lab) keys(topic string) []string {
	keys := []string{}
	for _, r := range l.Records(topic) {
		keys = append(keys, string(r.Key))
	}
	return keys
}

// service is a running service.
type service struct {
	*pipeline.Service
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// start runs a topology. Each machine has stores of its own.
func (l *lab) start(machine string, t *pipeline.Topology, tweak ...func(*engine.Config)) *service {
	l.t.Helper()
	return l.startWith(machine, t, func(*pipeline.Config) {}, tweak...)
}

func (l *lab) startWith(machine string, t *pipeline.Topology, change func(*pipeline.Config), tweak ...func(*engine.Config)) *service {
	l.t.Helper()
	c := pipeline.Config{CommitInterval: time.Millisecond, DrainTimeout: 20 * time.Second, RestartMin: time.Millisecond, RestartMax: 5 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}.
		WithEngine(func(e *engine.Config) {
			e.Cluster, e.ClientID, e.Check = l.Cluster, machine, true
			e.OpenStore = func(s engine.StoreSpec) (storage.Store, error) { return l.openStore(machine, s) }
			transactions(l.t)(e)
			for _, f := range tweak {
				f(e)
			}
		})
	change(&c)
	s, err := pipeline.NewService(t, c)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	svc := &service{Service: s, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(svc.ended)
		svc.err = s.Run(ctx)
	}()
	l.t.Cleanup(func() { _ = svc.stop() })
	return svc
}

// briefDrain is for services that cannot drain: they were killed, or hang.
func briefDrain(e *engine.Config) { e.DrainTimeout = 100 * time.Millisecond }

func (l *lab) openStore(machine string, s engine.StoreSpec) (storage.Store, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := machine + "/" + s.Path()
	if l.open[path] {
		l.t.Errorf("store %s is opened twice", path)
		return nil, fmt.Errorf("store %s is open already", path)
	}
	l.open[path] = true
	l.opens[machine]++
	old := l.stores[path]
	if old == nil {
		old = memstore.New(storage.Identity{Topic: s.Topic, Partition: s.Partition})
	}
	l.stores[path] = old.Reopen()
	return lockedStore{l.stores[path], func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, path)
		l.closes[path]++
	}}, nil
}

// removeStore removes a machine's store, which must not be open.
func (l *lab) removeStore(machine string, s engine.StoreSpec) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := machine + "/" + s.Path()
	if l.open[path] {
		l.t.Errorf("store %s is removed and is open", path)
	}
	delete(l.stores, path)
	return nil
}

// kept returns the paths of the stores of a machine that there are, open or not.
func (l *lab) kept(machine string) (paths []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path := range l.stores {
		if strings.HasPrefix(path, machine+"/") {
			paths = append(paths, path)
		}
	}
	return paths
}

// openings returns how often a machine opened a store.
func (l *lab) openings(machine string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opens[machine]
}

// opened returns the paths of the stores that are open.
func (l *lab) opened() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.open))
}

// wipe forgets a machine's disk.
func (l *lab) wipe() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.stores)
}

func (s *service) stop() error {
	s.cancel()
	<-s.ended
	return s.err
}

// until waits for a condition of the cluster, which is looked at after every
// operation.
func (l *lab) until(what string, cond func() bool) {
	l.t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			l.t.Fatalf("waited in vain for: %s\njournal: %v", what, l.Journal())
		}
	}
}

// settled waits until a group has committed all of a topic.
func (l *lab) settled(group, topic string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	if err := l.WaitCommitted(ctx, memory.Wait{Group: group, Topics: []string{topic}}); err != nil {
		l.t.Fatalf("group %s did not commit all of %s: %v\ncommitted: %v", group, topic, err, l.Committed(group))
	}
}

// neverSettles gives an engine that would do the wrong thing the time to do it.
func (l *lab) neverSettles(group, topic string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := l.WaitCommitted(ctx, memory.Wait{Group: group, Topics: []string{topic}}); err == nil {
		l.t.Fatalf("group %s committed %s: %v", group, topic, l.Committed(group))
	}
}

// kill kills all services as kill -9 would.
func (l *lab) kill(ss ...*service) {
	l.SetHook(nil)
	l.Cluster.Kill()
	for _, s := range ss {
		if s != nil {
			_ = s.stop()
		}
	}
}

// neverMind waits a while for a group to commit all of a topic.
func (l *lab) neverMind(group, topic string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = l.WaitCommitted(ctx, memory.Wait{Group: group, Topics: []string{topic}})
}

// The topology of most tests: a record is passed on when its key is new.
var (
	input  = pipeline.NewTopic("in", codec.String())
	output = pipeline.NewTopic("out", codec.String())
	seen   = pipeline.NewTable("seen", codec.Int64())
)

const group = "app-dedupe"

func dedupe() *pipeline.Topology {
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	out := pipeline.Output(p, output)
	pipeline.Input(p, input, func(ctx *pipeline.Context, v string) error {
		n, ok := state.Get(ctx)
		if !ok {
			out.Emit(ctx, ctx.Key(), v)
		}
		state.Set(ctx, n+1)
		return nil
	})
	return pipeline.New("app").From(input).Add(p).To(output)
}

// is makes a hook for one kind of operation on one topic.
func is(kind memory.OpKind, topic string, v memory.Verdict) memory.Hook {
	return func(o memory.Op) memory.Verdict {
		if o.Kind == kind && (o.Record == nil || o.Record.Topic == topic) {
			return v
		}
		return memory.Verdict{}
	}
}

func unique(keys []string) []string {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	return slices.Compact(keys)
}

package pipelinetest

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/storage"
	memstore "github.com/millrace/millrace/storage/memory"
)

// memoryBackend is a cluster in memory, with stores that outlive the service.
type memoryBackend struct {
	cluster *memory.Cluster
	check   bool

	mu     sync.Mutex
	stores map[string]*memstore.Store
}

func newMemory(now func() time.Time, check, forget bool) *memoryBackend {
	return &memoryBackend{cluster: memory.New(memory.Config{Now: now, Forget: forget}), check: check, stores: map[string]*memstore.Store{}}
}

func (b *memoryBackend) config(c pipeline.Config) pipeline.Config {
	return c.WithEngine(func(e *engine.Config) {
		e.Cluster, e.OpenStore, e.Check = b.cluster, b.open, b.check
	})
}

// open opens a store again with what it held.
func (b *memoryBackend) open(s engine.StoreSpec) (storage.Store, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.stores[s.Path()]
	if old == nil {
		old = memstore.New(storage.Identity{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition})
	}
	b.stores[s.Path()] = old.Reopen()
	return b.stores[s.Path()], nil
}

func (b *memoryBackend) append(_ context.Context, r *transport.Record) error {
	return b.cluster.Append(r, false)
}

func (b *memoryBackend) partitions(ctx context.Context, topic string) (int32, error) {
	infos, err := b.cluster.Describe(ctx, topic)
	return infos[topic].Partitions, err
}

func (b *memoryBackend) records(_ context.Context, topic string) ([]*transport.Record, error) {
	return b.cluster.Records(topic), nil
}

func (b *memoryBackend) settle(ctx context.Context, groups map[string][]string) error {
	var waits []memory.Wait
	for g, topics := range groups {
		waits = append(waits, memory.Wait{Group: g, Topics: topics})
	}
	return b.cluster.WaitCommitted(ctx, waits...)
}

func (b *memoryBackend) crash() { b.cluster.Kill() }

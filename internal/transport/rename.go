package transport

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/partition"
)

// Rename returns a cluster on which some topics go by other names: by the keys
// of names for who asks, by their values for the brokers. So one program runs
// twice on one cluster with topics of its own each time. Fetched records, and
// errors, have the brokers' names: they are for people and for tools.
//
// Closing it closes the cluster. Without names it is the cluster itself.
func Rename(c Cluster, names map[string]string) Cluster {
	if len(names) == 0 {
		return c
	}
	back := make(map[string]string, len(names))
	for name, real := range names {
		back[real] = name
	}
	return &renamed{c, translation{names}, translation{back}}
}

type renamed struct {
	Cluster
	to, from translation
}

// translation is of topics' names.
type translation struct{ names map[string]string }

func (t translation) topic(name string) string {
	if n, ok := t.names[name]; ok {
		return n
	}
	return name
}

func (t translation) records(next func() *Record) func() *Record {
	return func() *Record {
		r := next()
		if r != nil {
			r.Topic = t.topic(r.Topic)
		}
		return r
	}
}

func (t translation) topics(names []string) []string {
	names = slices.Clone(names)
	for i, n := range names {
		names[i] = t.topic(n)
	}
	return names
}

func (t translation) partition(tp TopicPartition) TopicPartition {
	tp.Topic = t.topic(tp.Topic)
	return tp
}

func translate[V any](t translation, m map[string]V) map[string]V {
	if m == nil {
		return nil
	}
	out := make(map[string]V, len(m))
	for name, v := range m {
		out[t.topic(name)] = v
	}
	return out
}

func (t translation) partitioning(p Partitioning) Partitioning {
	p.Explicit = t.topics(p.Explicit)
	p.By = translate[partition.By](t, p.By)
	return p
}

func (c *renamed) Describe(ctx context.Context, topics ...string) (map[string]TopicInfo, error) {
	infos, err := c.Cluster.Describe(ctx, c.to.topics(topics)...)
	infos = translate(c.from, infos)
	for name, i := range maps.Clone(infos) {
		i.Name = name
		infos[name] = i
	}
	return infos, err
}

func (c *renamed) Create(ctx context.Context, spec TopicSpec) error {
	spec.Name = c.to.topic(spec.Name)
	return c.Cluster.Create(ctx, spec)
}

func (c *renamed) Bounds(ctx context.Context, tp TopicPartition) (first, end int64, err error) {
	return c.Cluster.Bounds(ctx, c.to.partition(tp))
}

func (c *renamed) OffsetAt(ctx context.Context, tp TopicPartition, at time.Time) (int64, error) {
	return c.Cluster.OffsetAt(ctx, c.to.partition(tp), at)
}

func (c *renamed) GroupOffsets(ctx context.Context, group string) (Offsets, error) {
	offsets, err := c.Cluster.GroupOffsets(ctx, group)
	return translate(c.from, offsets), err
}

func (c *renamed) ReadTable(ctx context.Context, tp TopicPartition, from, until int64, each func(TableBatch) error) error {
	return c.Cluster.ReadTable(ctx, c.to.partition(tp), from, until, each)
}

func (c *renamed) ReadLog(ctx context.Context, tp TopicPartition, from, until int64, each func(TableBatch) error) error {
	return c.Cluster.ReadLog(ctx, c.to.partition(tp), from, until, each)
}

func (c *renamed) NewProducer(ctx context.Context, cfg ProducerConfig) (Producer, error) {
	cfg.Partitioning = c.to.partitioning(cfg.Partitioning)
	p, err := c.Cluster.NewProducer(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return renamedProducer{p, c.to}, nil
}

func (c *renamed) Join(ctx context.Context, cfg GroupConfig) (Group, error) {
	cfg.Topics = c.to.topics(cfg.Topics)
	cfg.Partitioning = c.to.partitioning(cfg.Partitioning)
	back := func(f func(context.Context, Assignment)) func(context.Context, Assignment) {
		if f == nil {
			return nil
		}
		return func(ctx context.Context, a Assignment) { f(ctx, translate(c.from, a)) }
	}
	cfg.Assigned, cfg.Revoked, cfg.Lost = back(cfg.Assigned), back(cfg.Revoked), back(cfg.Lost)
	g, err := c.Cluster.Join(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &renamedGroup{g, c.to, c.from}, nil
}

type renamedProducer struct {
	Producer
	to translation
}

func (p renamedProducer) Produce(ctx context.Context, r *Record, acked func(*Record, error)) {
	r.Topic = p.to.topic(r.Topic)
	p.Producer.Produce(ctx, r, acked)
}

func (p renamedProducer) ProduceAll(ctx context.Context, next func() *Record, acked func(*Record, error)) {
	p.Producer.ProduceAll(ctx, p.to.records(next), acked)
}

type renamedGroup struct {
	Group
	to, from translation
}

func (g *renamedGroup) Produce(ctx context.Context, r *Record, acked func(*Record, error)) {
	r.Topic = g.to.topic(r.Topic)
	g.Group.Produce(ctx, r, acked)
}

func (g *renamedGroup) ProduceAll(ctx context.Context, next func() *Record, acked func(*Record, error)) {
	g.Group.ProduceAll(ctx, g.to.records(next), acked)
}

func (g *renamedGroup) Poll(ctx context.Context) ([]Fetch, error) {
	fetches, err := g.Group.Poll(ctx)
	for i := range fetches {
		fetches[i].TopicPartition = g.from.partition(fetches[i].TopicPartition)
	}
	return fetches, err
}

func (g *renamedGroup) Pause(a Assignment)  { g.Group.Pause(translate(g.to, a)) }
func (g *renamedGroup) Resume(a Assignment) { g.Group.Resume(translate(g.to, a)) }
func (g *renamedGroup) Rewind(o Offsets)    { g.Group.Rewind(translate(g.to, o)) }

func (g *renamedGroup) Commit(ctx context.Context, o Offsets) error {
	return g.Group.Commit(ctx, translate(g.to, o))
}

func (g *renamedGroup) CommitTransaction(ctx context.Context, o Offsets) error {
	return g.Group.CommitTransaction(ctx, translate(g.to, o))
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport"
)

// topicState is a topic as the cluster has it.
type topicState struct {
	partitions int32
	id         [16]byte
	by         partition.By
}

func (e *Engine) partitions(topic string) (int32, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.topics[topic]
	return t.partitions, ok
}

func (e *Engine) topicID(topic string) [16]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.topics[topic].id
}

// partitioners returns those of the topics that have another than Java's.
func (e *Engine) partitioners() map[string]partition.By {
	e.mu.Lock()
	defer e.mu.Unlock()
	bys := map[string]partition.By{}
	for name, t := range e.topics {
		if t.by != "" {
			bys[name] = t.by
		}
	}
	return bys
}

// TopicError is one thing that is wrong with a topic of the topology.
type TopicError struct {
	Topic string
	What  string
}

func (e *TopicError) Error() string { return "topic " + e.Topic + ": " + e.What }

// TopicsError lists all that is wrong with the topics of a topology.
type TopicsError struct{ Problems []*TopicError }

func (e *TopicsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d problem(s) with topics", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  - " + p.Error())
	}
	return b.String()
}

// prepareTopics creates what is missing and checks what is there, for the
// whole topology: the processors that run elsewhere need the same topics.
// While the brokers cannot be reached, it tries again.
func (e *Engine) prepareTopics(ctx context.Context) error {
	plan := newTopicPlan(e.graph, e.cfg)
	for delay := e.cfg.RestartMin; ; delay = min(2*delay, e.cfg.RestartMax) {
		err := e.tryTopics(ctx, plan)
		var wrong *TopicsError
		e.setTrouble(err)
		if err == nil || errors.As(err, &wrong) || ctx.Err() != nil {
			return err
		}
		e.cfg.Logger.Warn("cannot prepare topics; it is tried again", "error", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return err
		}
	}
}

func (e *Engine) tryTopics(ctx context.Context, plan *topicPlan) error {
	names := slices.Sorted(maps.Keys(plan.topics))
	have, err := e.cfg.Cluster.Describe(ctx, names...)
	if err != nil {
		return fmt.Errorf("describe topics: %w", err)
	}
	specs, problems := plan.resolve(have)
	if !e.cfg.CreateTopics {
		for _, s := range specs {
			problems = append(problems, &TopicError{s.Name, "does not exist, and creating topics is switched off: create it, or let the start do it (NoTopicCreation)"})
		}
	}
	changes, err := e.compare(ctx, have, specs)
	if err != nil {
		return err
	}
	if problems = append(problems, changes.problems...); len(problems) > 0 {
		return &TopicsError{problems}
	}
	for _, s := range specs {
		err := e.cfg.Cluster.Create(ctx, s)
		if err != nil && !errors.Is(err, transport.ErrTopicExists) {
			return fmt.Errorf("create topic %s: %w", s.Name, err)
		}
		e.cfg.Logger.Info("topic created", "topic", s.Name, "partitions", s.Partitions)
	}
	if len(specs) > 0 { // another instance may have been faster, and different
		if have, err = e.cfg.Cluster.Describe(ctx, names...); err != nil {
			return fmt.Errorf("describe topics: %w", err)
		}
		if specs, problems := plan.resolve(have); len(problems) > 0 {
			return &TopicsError{problems}
		} else if len(specs) > 0 {
			return fmt.Errorf("topic %s was created and is not there yet", specs[0].Name)
		}
	}
	if err := e.accept(ctx, changes); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, t := range have {
		e.topics[name] = topicState{t.Partitions, t.ID, plan.partitioner(name)}
	}
	return nil
}

// topicPlan is what the topology needs of its topics.
type topicPlan struct {
	cfg    Config
	topics map[string]*plannedTopic
}

type plannedTopic struct {
	ref   graph.Ref
	want  graph.TopicOptions
	class *copartitioned
	owned bool // a changelog: nobody else writes it
	loop  bool // likewise
}

// copartitioned are topics that need one number of partitions, with the
// processors that need it.
type copartitioned struct {
	topics     []string
	processors []string
}

func newTopicPlan(g *graph.Topology, cfg Config) *topicPlan {
	p := &topicPlan{cfg: cfg, topics: map[string]*plannedTopic{}}
	for _, r := range slices.Concat(g.Sources, g.Sinks) {
		p.add(r)
	}
	p.add(manifestRef(g))
	for _, proc := range g.Processors {
		class := &copartitioned{processors: []string{proc.Name}}
		for _, i := range proc.Inputs {
			p.add(i.Ref).join(p, class)
		}
		for _, j := range proc.Joins {
			p.add(j.Ref).join(p, class)
		}
		for _, s := range proc.States {
			t := p.add(s.Ref)
			t.owned = true
			t.join(p, class)
		}
		if proc.Loop != nil {
			r := proc.Loop.Ref
			r.Name = g.LoopTopic(proc)
			t := p.add(r)
			t.loop = true
			t.join(p, class)
		}
		for _, l := range proc.Lookups {
			p.add(l.Ref)
		}
		for _, o := range proc.Outputs {
			p.add(o)
		}
	}
	return p
}

func (p *topicPlan) add(r graph.Ref) *plannedTopic {
	t := p.topics[r.Name]
	if t == nil {
		t = &plannedTopic{ref: r, class: &copartitioned{topics: []string{r.Name}}}
		p.topics[r.Name] = t
	} else {
		t.ref.Topic, _ = t.ref.Topic.Merge(r.Topic) // a topology that is checked agrees
	}
	if t.ref.Topic != nil {
		t.want = *t.ref.Topic
	}
	return t
}

// join unites the topic's class with another.
func (t *plannedTopic) join(p *topicPlan, class *copartitioned) {
	if t.class == class {
		return
	}
	class.processors = append(class.processors, t.class.processors...)
	class.topics = append(class.topics, t.class.topics...)
	for _, name := range t.class.topics {
		p.topics[name].class = class
	}
}

// resolve compares the plan with what the cluster has: the topics to create,
// and all that does not fit.
func (p *topicPlan) resolve(have map[string]transport.TopicInfo) (specs []transport.TopicSpec, problems []*TopicError) {
	seen := map[*copartitioned]int32{}
	for _, name := range slices.Sorted(maps.Keys(p.topics)) {
		t := p.topics[name]
		n, ok := seen[t.class]
		if !ok {
			var err *TopicError
			if n, err = p.count(t.class, have); err != nil {
				problems = append(problems, err)
			}
			if err := p.partitioned(t.class); err != nil {
				problems = append(problems, err)
			}
			seen[t.class] = n
		}
		config := p.config(t)
		if info, ok := have[name]; ok {
			problems = append(problems, mismatches(t, config, info)...)
		} else {
			specs = append(specs, transport.TopicSpec{Name: name, Partitions: n, Config: config,
				Replication: firstOf(t.want.Replication, p.cfg.Replication)})
		}
	}
	return specs, problems
}

// count finds the number of partitions that a class of topics has or gets.
func (p *topicPlan) count(class *copartitioned, have map[string]transport.TopicInfo) (int32, *TopicError) {
	var known []string
	n := int32(0)
	conflict := false
	slices.Sort(class.topics)
	for _, name := range class.topics {
		c := p.topics[name].want.Partitions
		if info, ok := have[name]; ok {
			c = info.Partitions
		}
		if c == 0 {
			continue
		}
		known = append(known, fmt.Sprintf("%s has %d", name, c))
		conflict = conflict || n != 0 && n != c
		n = c
	}
	if conflict {
		slices.Sort(class.processors)
		return n, &TopicError{class.topics[0], fmt.Sprintf("not co-partitioned with the other inputs, joins and tables of processor %s: %s. "+
			"Give them one number of partitions, or repartition one of them through a topic of its own, as processors.Repartition does",
			strings.Join(slices.Compact(class.processors), " and "), strings.Join(known, ", "))}
	}
	return firstOf(n, p.cfg.Partitions), nil
}

// config is the topic configuration that the plan wants: tables are compacted.
func (p *topicPlan) config(t *plannedTopic) map[string]string {
	config := map[string]string{}
	if t.ref.Kind == graph.Table {
		config["cleanup.policy"] = "compact"
	}
	maps.Copy(config, t.want.Config)
	return config
}

func mismatches(t *plannedTopic, config map[string]string, info transport.TopicInfo) (problems []*TopicError) {
	bad := func(format string, args ...any) {
		problems = append(problems, &TopicError{info.Name, fmt.Sprintf(format, args...)})
	}
	if w := t.want.Partitions; w != 0 && w != info.Partitions {
		bad("has %d partitions, %d are declared", info.Partitions, w)
	}
	if w := t.want.Replication; w != 0 && info.Replication != 0 && w != info.Replication {
		bad("has replication factor %d, %d is declared", info.Replication, w)
	}
	for _, k := range slices.Sorted(maps.Keys(config)) {
		got, ok := info.Config[k]
		if !ok || got == config[k] {
			continue
		}
		if k == "cleanup.policy" && strings.Contains(got, "compact") && !t.owned {
			continue // somebody else's table may be deleted from as well
		}
		bad("has %s=%s, %s is declared", k, got, config[k])
	}
	return problems
}

func firstOf[T int16 | int32](a, b T) T {
	if a != 0 {
		return a
	}
	return b
}

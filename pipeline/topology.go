package pipeline

import (
	"github.com/millrace/millrace/internal/graph"
)

// Topology is topics in, processors, topics out. It is built once and not
// changed afterwards; then it is safe for concurrent use.
type Topology struct {
	name    string
	procs   []*Processor
	sources []definition
	sinks   []definition
	nils    int // nil arguments, reported by Validate
}

// New begins a topology. Its name is that of the application: consumer groups
// and state folders carry it, so it must not change between versions. Names
// are as those of processors.
func New(name string) *Topology { return &Topology{name: name} }

// Name returns the topology's name.
func (t *Topology) Name() string { return t.name }

// From declares topics and tables that others write: the topology may read
// them, and no processor has to write them.
func (t *Topology) From(refs ...Ref) *Topology {
	t.sources = t.add(t.sources, refs)
	return t
}

// To declares topics and tables that others read: nobody in the topology has
// to.
func (t *Topology) To(refs ...Ref) *Topology {
	t.sinks = t.add(t.sinks, refs)
	return t
}

func (t *Topology) add(to []definition, refs []Ref) []definition {
	for _, r := range refs {
		if r == nil {
			t.nils++
			continue
		}
		to = append(to, r.definition())
	}
	return to
}

// Add adds processors.
func (t *Topology) Add(ps ...*Processor) *Topology {
	for _, p := range ps {
		if p == nil {
			t.nils++
			continue
		}
		if p.overtakes && p.spec.Overtaking == nil {
			p.spec.Overtaking = p.keepOvertakers()
		}
		p.join(t.name)
		t.procs = append(t.procs, p)
	}
	return t
}

// Processors returns the names of the processors, in the order of their
// declaration.
func (t *Topology) Processors() []string {
	names := make([]string, len(t.procs))
	for i, p := range t.procs {
		names[i] = p.Name()
	}
	return names
}

// graph is the untyped form, for the engine.
func (t *Topology) graph() *graph.Topology {
	g := &graph.Topology{Name: t.name}
	for _, d := range t.sources {
		g.Sources = append(g.Sources, d.Ref)
	}
	for _, d := range t.sinks {
		g.Sinks = append(g.Sinks, d.Ref)
	}
	for _, p := range t.procs {
		g.Processors = append(g.Processors, &p.spec)
	}
	return g
}

// definitions returns every topic and table by name, as first declared, with the
// partitioner that an operator gave it if its declaration says nothing of one.
func (t *Topology) definitions() map[string]definition {
	defs := map[string]definition{}
	add := func(ds []definition) {
		for _, d := range ds {
			if first, ok := defs[d.Name]; ok {
				first.Topic, _ = first.Topic.Merge(d.Topic)
				d = first
			}
			defs[d.Name] = d
		}
	}
	add(t.sources)
	for _, p := range t.procs {
		add(p.refs)
	}
	add(t.sinks)
	return defs
}

package pipeline

import "github.com/millrace/millrace/internal/graph"

// Internal returns the topic as one that is the topology's own business: on the
// cluster its name has that of the topology and a hyphen before it. So topologies
// that use an operator under one name do not share what it keeps for itself, as with
// the changelogs and repartition topics of Kafka Streams, which begin with the
// application id. Who declares it in several processors passes on the one topic:
// each call returns another, that of the topology to which its processor is added
// first.
func (t Topic[V]) Internal() Topic[V] { return Topic[V]{t.inside()} }

// Internal is that of a topic.
func (t Table[V]) Internal() Table[V] { return Table[V]{t.inside()} }

func (d def[V]) inside() def[V] {
	d.internal = &internalName{own: d.name}
	return d
}

// internalName is the name of an internal topic or table. It is set when the
// processor becomes part of a topology, before anything runs.
type internalName struct {
	own, full string
}

func (n *internalName) join(topology string) {
	if n.full == "" {
		n.full = topology + "-" + n.own
	}
}

// topic is the name of the topic, once its topology is known.
func (d def[V]) topic() string {
	if d.internal != nil && d.internal.full != "" {
		return d.internal.full
	}
	return d.name
}

// join names what is internal to the processor after its topology.
func (p *Processor) join(topology string) {
	full := map[*graph.Ref]string{}
	rename := func(r *graph.Ref, n *internalName) {
		if n != nil {
			full[r] = n.full
		}
	}
	names := map[string]*internalName{}
	for i := range p.refs {
		d := &p.refs[i]
		if d.internal == nil {
			continue
		}
		d.internal.join(topology)
		names[d.Name] = d.internal
		rename(&d.Ref, d.internal)
		rename(&d.lookup.Ref, d.internal)
	}
	for i := range p.spec.Inputs {
		r := &p.spec.Inputs[i].Ref
		rename(r, names[r.Name])
	}
	for i := range p.spec.Outputs {
		r := &p.spec.Outputs[i]
		rename(r, names[r.Name])
	}
	for i := range p.spec.States {
		r := &p.spec.States[i].Ref
		rename(r, names[r.Name])
	}
	for r, name := range full {
		r.Name = name
	}
}

package pipeline

import "github.com/millrace/millrace/internal/graph"

// Internal returns the topic as one that is the topology's own business: on the
// cluster its name has that of the topology and a hyphen before it. So topologies
// that use an operator under one name do not share what it keeps for itself, as with
// the changelogs and repartition topics of Kafka Streams, which begin with the
// application id. Topology a-b with a topic c and topology a with b-c would still
// share one, as there. Who declares it in several processors passes on the one topic:
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
	rename := func(r *graph.Ref) {
		if r.Internal {
			r.Name, r.Internal = topology+"-"+r.Name, false
		}
	}
	for i := range p.refs {
		d := &p.refs[i]
		if d.internal != nil {
			d.internal.join(topology)
		}
		rename(&d.Ref)
		rename(&d.lookup.Ref)
	}
	for i := range p.spec.Inputs {
		rename(&p.spec.Inputs[i].Ref)
	}
	for i := range p.spec.Outputs {
		rename(&p.spec.Outputs[i])
	}
	for i := range p.spec.States {
		rename(&p.spec.States[i].Ref)
	}
	for _, ls := range [][]graph.Lookup{p.spec.Joins, p.spec.Lookups} {
		for i := range ls {
			rename(&ls[i].Ref)
		}
	}
}

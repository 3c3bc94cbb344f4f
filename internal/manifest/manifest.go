package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/graph"
)

// TopicName returns the name of a topology's manifest topic.
func TopicName(app string) string { return app + "-manifest" }

// Format is the version of the encoding. A program leaves alone what a newer
// one wrote.
const Format = 1

// Bounds of what is decoded.
const (
	maxBytes  = 1 << 20
	maxTopics = 10_000
)

// Processor is what a processor touches.
type Processor struct {
	Format  int              `json:"format"`
	Group   string           `json:"group"`
	Inputs  map[string]Topic `json:"inputs"`            // by name
	Tables  map[string]Topic `json:"tables,omitempty"`  // that it owns, by name
	Loop    string           `json:"loop,omitempty"`    // the topic
	Codec   string           `json:"codec,omitempty"`   // the loop's
	Outputs []string         `json:"outputs,omitempty"` // sorted; the dead letters' among them
	Written time.Time        `json:"written"`           // when it was first like this
	// Names are those on the cluster of inputs, tables and outputs that have
	// another one there.
	Names map[string]string `json:"names,omitempty"`
}

// Topic is a topic as it was.
type Topic struct {
	Codec      string `json:"codec"`
	Partitions int32  `json:"partitions"`
}

// Of describes a processor of a topology. partitions tells how many a topic
// has.
func Of(t *graph.Topology, p *graph.Processor, partitions func(topic string) int32) Processor {
	m := Processor{Format: Format, Group: t.Group(p), Inputs: map[string]Topic{}}
	of := func(r graph.Ref) Topic { return Topic{r.Codec, partitions(r.Name)} }
	for _, i := range p.Inputs {
		m.Inputs[i.Ref.Name] = of(i.Ref)
	}
	for _, s := range p.States {
		if m.Tables == nil {
			m.Tables = map[string]Topic{}
		}
		m.Tables[s.Ref.Name] = of(s.Ref)
	}
	if p.Loop != nil {
		m.Loop, m.Codec = t.LoopTopic(p), p.Loop.Ref.Codec
	}
	for _, o := range p.Outputs {
		m.Outputs = append(m.Outputs, o.Name)
	}
	slices.Sort(m.Outputs)
	m.Outputs = slices.Compact(m.Outputs)
	for _, name := range slices.Concat(m.Outputs, slices.Collect(maps.Keys(m.Inputs)), slices.Collect(maps.Keys(m.Tables))) {
		if n := t.OnCluster(name); n != name {
			if m.Names == nil {
				m.Names = map[string]string{}
			}
			m.Names[name] = n
		}
	}
	return m
}

// OnCluster returns the manifest with the names that the brokers know.
func (p Processor) OnCluster() Processor {
	name := func(s string) string {
		if n, ok := p.Names[s]; ok {
			return n
		}
		return s
	}
	topics := func(m map[string]Topic) map[string]Topic {
		out := make(map[string]Topic, len(m))
		for s, t := range m {
			out[name(s)] = t
		}
		return out
	}
	p.Inputs, p.Tables, p.Outputs = topics(p.Inputs), topics(p.Tables), slices.Clone(p.Outputs)
	for i, o := range p.Outputs {
		p.Outputs[i] = name(o)
	}
	slices.Sort(p.Outputs)
	p.Names = nil
	return p
}

// Encode returns the value of the record.
func (p Processor) Encode() ([]byte, error) { return json.Marshal(p) }

// ErrNewer says that a newer program wrote the manifest.
var ErrNewer = errors.New("manifest was written by a newer program")

// Decode reads what Encode wrote.
func Decode(b []byte) (p Processor, err error) {
	if len(b) > maxBytes {
		return Processor{}, fmt.Errorf("manifest of %d bytes", len(b))
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return Processor{}, fmt.Errorf("manifest: %w", err)
	}
	if version.Format > Format {
		return Processor{}, fmt.Errorf("%w: format %d, known is %d", ErrNewer, version.Format, Format)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return Processor{}, fmt.Errorf("manifest: %w", err)
	}
	if p.Format < 1 || p.Group == "" || len(p.Inputs) == 0 || len(p.Inputs)+len(p.Tables)+len(p.Outputs) > maxTopics {
		return Processor{}, fmt.Errorf("manifest: format %d, group %q, %d inputs: not one of ours", p.Format, p.Group, len(p.Inputs))
	}
	return p, nil
}

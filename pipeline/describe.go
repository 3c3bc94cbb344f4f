package pipeline

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/graph"
)

// String prints the topology: a line for each topic and table of each
// processor, in the order of declaration.
func (t *Topology) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "topology %s\n", t.name)
	line := func(verb string, r graph.Ref) {
		fmt.Fprintf(&b, "    %-7s %s %s  (%s, %s)\n", verb, r.Kind, r.Name, r.Type, r.Codec)
	}
	if len(t.sources) > 0 {
		b.WriteString("  from\n")
		for _, d := range t.sources {
			line("source", d.Ref)
		}
	}
	for _, p := range t.procs {
		fmt.Fprintf(&b, "  processor %s\n", p.spec.Name)
		for _, e := range p.edges() {
			if e.verb == "loop" {
				fmt.Fprintf(&b, "    loop    (%s, %s)\n", e.ref.Type, e.ref.Codec)
				continue
			}
			line(e.verb, e.ref)
		}
	}
	if len(t.sinks) > 0 {
		b.WriteString("  to\n")
		for _, d := range t.sinks {
			line("sink", d.Ref)
		}
	}
	return b.String()
}

type edge struct {
	verb string
	ref  graph.Ref
}

// edges lists what a processor touches.
func (p *Processor) edges() (es []edge) {
	for _, i := range p.spec.Inputs {
		verb := "input"
		if i.Changes {
			verb = "changes"
		}
		es = append(es, edge{verb, i.Ref})
	}
	for _, j := range p.spec.Joins {
		es = append(es, edge{"join", j.Ref})
	}
	for _, l := range p.spec.Lookups {
		es = append(es, edge{"lookup", l.Ref})
	}
	for _, s := range p.spec.States {
		verb := "store"
		switch {
		case s.Primary:
			verb = "state"
		case s.Timers:
			verb = "timers"
		}
		es = append(es, edge{verb, s.Ref})
	}
	for _, o := range p.spec.Outputs {
		verb := "output"
		if o.Name == p.spec.DeadLetters {
			verb = "failed"
		}
		es = append(es, edge{verb, o})
	}
	if p.spec.Loop != nil {
		es = append(es, edge{"loop", p.spec.Loop.Ref})
	}
	return es
}

// Mermaid prints the topology as a Mermaid flowchart: rounded topics, round
// tables, square processors.
func (t *Topology) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids := map[string]string{}
	id := func(r graph.Ref) string {
		if ids[r.Name] == "" {
			ids[r.Name] = fmt.Sprintf("t%d", len(ids))
			shape := `  %s(["%s"])` + "\n"
			if r.Kind == graph.Table {
				shape = `  %s[("%s")]` + "\n"
			}
			fmt.Fprintf(&b, shape, ids[r.Name], r.Name)
		}
		return ids[r.Name]
	}
	for i, p := range t.procs {
		n := fmt.Sprintf("p%d", i)
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", n, p.spec.Name)
		for _, e := range p.edges() {
			switch e.verb {
			case "input":
				fmt.Fprintf(&b, "  %s --> %s\n", id(e.ref), n)
			case "changes":
				fmt.Fprintf(&b, "  %s -- changes --> %s\n", id(e.ref), n)
			case "join", "lookup":
				fmt.Fprintf(&b, "  %s -. %s .-> %s\n", id(e.ref), e.verb, n)
			case "state", "store", "timers":
				fmt.Fprintf(&b, "  %s <--> %s\n", n, id(e.ref))
			case "output":
				fmt.Fprintf(&b, "  %s --> %s\n", n, id(e.ref))
			case "failed":
				fmt.Fprintf(&b, "  %s -. failed .-> %s\n", n, id(e.ref))
			case "loop":
				fmt.Fprintf(&b, "  %s -- loop --> %s\n", n, n)
			}
		}
	}
	return b.String()
}

// Description is the topology as data, for JSON.
type Description struct {
	Name       string                 `json:"name"`
	Sources    []string               `json:"sources"`
	Sinks      []string               `json:"sinks"`
	Topics     []TopicDescription     `json:"topics"`
	Processors []ProcessorDescription `json:"processors"`
}

// TopicDescription describes a topic or table.
type TopicDescription struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // topic or table
	Type  string `json:"type"`
	Codec string `json:"codec"`
}

// ProcessorDescription describes a processor: what it touches, and how.
type ProcessorDescription struct {
	Name  string            `json:"name"`
	Edges []EdgeDescription `json:"edges"`
}

// EdgeDescription is one topic or table of a processor. Role is input,
// changes, join, lookup, state, store, timers, output, failed (dead letters) or loop.
type EdgeDescription struct {
	Role string `json:"role"`
	Name string `json:"name,omitempty"` // empty for a loop
}

// Describe returns the topology as data.
func (t *Topology) Describe() Description {
	d := Description{Name: t.name, Sources: []string{}, Sinks: []string{}, Topics: []TopicDescription{}}
	seen := map[string]bool{}
	topic := func(r graph.Ref) {
		if !seen[r.Name] {
			seen[r.Name] = true
			d.Topics = append(d.Topics, TopicDescription{r.Name, r.Kind.String(), fmt.Sprint(r.Type), r.Codec})
		}
	}
	for _, s := range t.sources {
		d.Sources = append(d.Sources, s.Name)
		topic(s.Ref)
	}
	for _, p := range t.procs {
		pd := ProcessorDescription{Name: p.Name()}
		for _, e := range p.edges() {
			ed := EdgeDescription{Role: e.verb}
			if e.verb != "loop" {
				ed.Name = e.ref.Name
				topic(e.ref)
			}
			pd.Edges = append(pd.Edges, ed)
		}
		d.Processors = append(d.Processors, pd)
	}
	for _, s := range t.sinks {
		d.Sinks = append(d.Sinks, s.Name)
		topic(s.Ref)
	}
	return d
}

package pipeline

import (
	"fmt"
	"regexp"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/manifest"
)

// legal are Kafka's topic names, without the two that are folders.
var legal = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

const (
	maxTopicName = 249 // Kafka's
	maxOwnName   = 100 // leaves room for group and loop names made of two
)

// Validate checks the topology as a whole. It returns a *ValidationError with
// all that it finds, or nil.
func (t *Topology) Validate() error {
	v := &validator{seen: map[string]*use{}}
	v.topology(t)
	if len(v.problems) > 0 {
		return &ValidationError{fmt.Sprintf("topology %q", t.name), v.problems}
	}
	return nil
}

type validator struct {
	problems []*Problem
	seen     map[string]*use
	order    []*use
}

// use is what is known of one name.
type use struct {
	graph.Ref
	where string // where it was first seen
	made  bool   // written by a processor, or in From
	read  bool   // read by a processor, or in To
	owner string // the processor whose state it is
}

func (v *validator) add(kind error, where, format string, args ...any) {
	v.problems = append(v.problems, &Problem{Kind: kind, Where: where, What: fmt.Sprintf(format, args...)})
}

func (v *validator) name(where, name string, limit int) {
	if !legal.MatchString(name) || len(name) > limit || name == "." || name == ".." {
		v.add(ErrName, where, "%q is no name: use 1 to %d of a-z, A-Z, 0-9, dot, underscore and hyphen", name, limit)
	}
}

func (v *validator) topology(t *Topology) {
	v.name("topology", t.name, maxOwnName)
	if t.nils > 0 {
		v.add(ErrIncomplete, "topology", "%d nil argument(s) of From, To or Add", t.nils)
	}
	if len(t.procs) == 0 {
		v.add(ErrIncomplete, "topology", "no processor")
	}
	for _, d := range t.sources {
		v.see("From", d).made = true
	}
	names := map[string]bool{}
	for _, p := range t.procs {
		v.processor(t, p, names)
	}
	for _, d := range t.sinks {
		v.see("To", d).read = true
	}
	if name := manifest.TopicName(t.name); v.seen[name] != nil {
		v.add(ErrDuplicate, v.seen[name].where, "topic %s is where the topology's manifest is kept: nobody else may use it", name)
	}
	for _, u := range v.order {
		switch {
		case !u.made:
			v.add(ErrUnknown, u.where, "%s %s is written by no processor; if others write it, name it in From", u.Kind, u.Name)
		case !u.read:
			v.add(ErrUnused, u.where, "%s %s is read by no processor; if others read it, name it in To", u.Kind, u.Name)
		}
	}
}

func (v *validator) processor(t *Topology, p *Processor, names map[string]bool) {
	where := "processor " + p.spec.Name
	v.name(where, p.spec.Name, maxOwnName)
	if names[p.spec.Name] {
		v.add(ErrDuplicate, where, "the name is that of another processor")
	}
	names[p.spec.Name] = true
	v.problems = append(v.problems, p.problems...)
	if len(p.spec.Inputs) == 0 {
		v.add(ErrIncomplete, where, "no input")
	}
	for _, d := range p.refs {
		v.see(where, d)
	}
	inputs := map[string]bool{}
	for _, i := range p.spec.Inputs {
		if inputs[i.Ref.Name] {
			v.add(ErrDuplicate, where, "two handlers for %s %s", i.Ref.Kind, i.Ref.Name)
		}
		inputs[i.Ref.Name] = true
		v.seen[i.Ref.Name].read = true
	}
	for _, o := range p.spec.Outputs {
		v.seen[o.Name].made = true
	}
	for _, s := range p.spec.States {
		u := v.seen[s.Ref.Name]
		if u.owner != "" {
			v.add(ErrDuplicate, where, "table %s is the state of processor %s already", s.Ref.Name, u.owner)
		}
		if inputs[s.Ref.Name] {
			v.add(ErrMismatch, where, "table %s is its own state: it cannot be its input as well", s.Ref.Name)
		}
		u.owner, u.made, u.read = p.spec.Name, true, true
	}
	for _, o := range p.spec.Outputs {
		if owner := v.seen[o.Name].owner; owner != "" {
			v.add(ErrDuplicate, where, "table %s is the state of processor %s: only that may write it", o.Name, owner)
		}
	}
	for _, ls := range [][]graph.Lookup{p.spec.Joins, p.spec.Lookups} {
		for _, l := range ls {
			u := v.seen[l.Ref.Name]
			if u.owner == p.spec.Name {
				v.add(ErrMismatch, where, "table %s is its own state: read it with the handle of State or Store", l.Ref.Name)
			}
			u.read = true
		}
	}
	if dead := p.spec.DeadLetters; dead != "" {
		if inputs[dead] {
			v.add(ErrMismatch, where, "topic %s is its input and its dead-letter topic: a record that fails would come again for ever", dead)
		}
		n := 0
		for _, o := range p.spec.Outputs {
			if o.Name == dead {
				n++
			}
		}
		if n > 1 {
			v.add(ErrDuplicate, where, "topic %s is its output and its dead-letter topic: dead letters need a topic of their own", dead)
		}
	}
	for _, s := range p.timers {
		if s.fire == nil {
			v.add(ErrIncomplete, where, "timers %s have no handler", s.name)
		}
	}
	if p.idle != 0 && p.eventTimers() == nil {
		v.add(ErrConfig, where, "Idle without EventTimers: there is nothing that goes by stream time")
	}
	if l := p.spec.Loop; l != nil {
		if l.Handle == nil {
			v.add(ErrIncomplete, where, "loop has no handler")
		}
		if l.Ref.Codec == "" {
			v.add(ErrIncomplete, where, "loop has no codec")
		}
		if name := t.name + "-" + p.spec.Name + "-loop"; v.seen[name] != nil {
			v.add(ErrDuplicate, where, "topic %s is the topic of its loop: nobody else may use it", name)
		}
	}
}

// see notes a use of a topic or table and compares it with earlier ones.
func (v *validator) see(where string, d definition) *use {
	u := v.seen[d.Name]
	if u == nil {
		u = &use{Ref: d.Ref, where: where}
		v.seen[d.Name], v.order = u, append(v.order, u)
		v.name(where, d.Name, maxTopicName)
		if d.Codec == "" {
			v.add(ErrIncomplete, where, "%s %s has no codec", d.Kind, d.Name)
		}
		for _, what := range d.problems {
			v.add(ErrConfig, where, "%s %s: %s", d.Kind, d.Name, what)
		}
		return u
	}
	if u.Kind != d.Kind || u.Type != d.Type || u.Codec != d.Codec {
		v.add(ErrMismatch, where, "%s is a %s of %s as %s here, and a %s of %s as %s in %s",
			d.Name, d.Kind, d.Type, d.Codec, u.Kind, u.Type, u.Codec, u.where)
	} else if merged, agree := u.Topic.Merge(d.Topic); !agree {
		v.add(ErrMismatch, where, "%s %s has other options here than in %s: declare it once", d.Kind, d.Name, u.where)
	} else {
		u.Topic = merged // the next use is compared with all that is known
	}
	return u
}

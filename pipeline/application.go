package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/graph"
)

// application is the id under which a topology runs.
func (c Config) application(t *Topology) string {
	if c.ApplicationID != "" {
		return c.ApplicationID
	}
	return t.name
}

// graph returns the graph of a topology as an application of the configuration
// runs it.
func (c Config) graph(t *Topology) *graph.Topology {
	g := t.graph()
	if id := c.application(t); id != t.name {
		g.Name, g.Names = id, map[string]string{}
		for _, name := range t.written() {
			g.Names[name] = id + "." + name
		}
	}
	return g
}

// written are the topics and tables that processors write, sorted: those that
// are an application's own.
func (t *Topology) written() []string {
	names := map[string]bool{}
	for _, p := range t.procs {
		for _, o := range p.spec.Outputs {
			names[o.Name] = true
		}
		for _, s := range p.spec.States {
			names[s.Ref.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkApplication looks at the application id.
func (c Config) checkApplication(v *configCheck, t *Topology) {
	id := c.application(t)
	if id == t.name {
		return
	}
	if !legal.MatchString(id) || len(id) > maxOwnName || id == "." || id == ".." {
		v.bad("ApplicationID", "%.300q is no name: use 1 to %d of a-z, A-Z, 0-9, dot, underscore and hyphen", id, maxOwnName)
		return
	}
	written := t.written()
	for _, d := range t.sources {
		if slices.Contains(written, d.Name) {
			v.bad("ApplicationID", "%s %s is written by a processor and, as From says, by others too: "+
				"application %s would have one of its own, and nothing of what the others write", d.Kind, d.Name, id)
		}
	}
	for _, name := range written {
		if n := id + "." + name; len(n) > maxTopicName {
			v.bad("ApplicationID", "topic %s: a name has %d characters at most", n, maxTopicName)
		}
	}
}

// Groups returns the consumer group of each processor with the topics that it
// consumes, its loop's among them, by their names on the cluster, when the
// topology runs under an application id; "" is its own name. It is for tests
// and tools.
func (t *Topology) Groups(applicationID string) map[string][]string {
	g := Config{ApplicationID: applicationID}.graph(t)
	groups := map[string][]string{}
	for _, p := range g.Processors {
		var topics []string
		for _, i := range p.Inputs {
			topics = append(topics, g.OnCluster(i.Ref.Name))
		}
		if p.Loop != nil {
			topics = append(topics, g.LoopTopic(p))
		}
		groups[g.Group(p)] = topics
	}
	return groups
}

// CheckApplication says whether a topology can run under the configuration's
// ApplicationID, as NewService does. It is for tools.
func (c Config) CheckApplication(t *Topology) error {
	v := &configCheck{}
	c.checkApplication(v, t)
	return errors.Join(t.Validate(), v.err(fmt.Sprintf("configuration of %q", t.name)))
}

// Name returns the name on the cluster of a topic or table of the topology:
// that of Config.ApplicationID's own, if processors write it.
func (s *Service) Name(r Ref) string {
	return s.cfg.graph(s.topology).OnCluster(r.Name())
}

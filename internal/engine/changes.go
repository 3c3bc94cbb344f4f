package engine

import (
	"context"
	"errors"
	"log/slog"
	"reflect"

	"github.com/millrace/millrace/internal/graph"
	"github.com/millrace/millrace/internal/manifest"
	"github.com/millrace/millrace/internal/transport"
)

// changes is what became of the topology since it last ran.
type changes struct {
	problems []*TopicError
	findings []manifest.Finding // for the log
	write    map[string]*manifest.Processor
}

// manifestRef is the topic in which the manifests are.
func manifestRef(g *graph.Topology) graph.Ref {
	return graph.Ref{Name: manifest.TopicName(g.Name), Kind: graph.Table, Topic: &graph.TopicOptions{Partitions: 1}}
}

// compare compares the processors to be run with their manifests. Topics that
// are to be created have the partitions of specs.
func (e *Engine) compare(ctx context.Context, have map[string]transport.TopicInfo, specs []transport.TopicSpec) (ch changes, err error) {
	all, bad, err := manifest.Read(ctx, e.cfg.Cluster, e.graph.Name)
	if err != nil {
		return ch, err
	}
	partitions := map[string]int32{}
	for _, s := range specs {
		partitions[s.Name] = s.Partitions
	}
	for name, info := range have {
		partitions[name] = info.Partitions
	}
	ch.write = map[string]*manifest.Processor{}
	for _, p := range e.selected() {
		if err := bad[p.Name]; err != nil {
			ch.findings = append(ch.findings, manifest.Finding{Topic: manifest.TopicName(e.graph.Name),
				What: "the manifest of processor " + p.Name + " cannot be read, so that changes since it last ran are not found: " + err.Error()})
			if errors.Is(err, manifest.ErrNewer) {
				continue
			}
		}
		now := manifest.Of(e.graph, p, func(topic string) int32 { return partitions[topic] })
		var old *manifest.Processor
		others := map[string]manifest.Processor{}
		for name, m := range all {
			if name == p.Name {
				old = &m
			} else {
				others[name] = m
			}
		}
		for _, f := range manifest.Compare(e.graph.Name, p.Name, old, now, others) {
			if f.Refuse {
				ch.problems = append(ch.problems, &TopicError{f.Topic, f.What})
			} else {
				ch.findings = append(ch.findings, f)
			}
		}
		if old != nil {
			now.Written = old.Written
		}
		if old == nil || !reflect.DeepEqual(*old, now) {
			now.Written = e.cfg.Now().UTC()
			ch.write[p.Name] = &now
		}
	}
	return ch, nil
}

// accept tells of the changes and makes them the new state of things.
func (e *Engine) accept(ctx context.Context, ch changes) error {
	if err := manifest.Write(ctx, e.cfg.Cluster, e.graph.Name, ch.write); err != nil {
		return err
	}
	for _, f := range ch.findings {
		e.cfg.Logger.Warn("topic "+f.Topic+" "+f.What, slog.String("topology", e.graph.Name))
	}
	return nil
}

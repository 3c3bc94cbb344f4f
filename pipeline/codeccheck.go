package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/pipeline/codec"
)

// checksAtOnce bounds the codecs that are checked side by side.
const checksAtOnce = 8

// codecUse is a codec to be checked.
type codecUse struct {
	where  string // such as "topic orders"
	check  func(ctx context.Context, writes bool) error
	writes bool
}

// checkCodecs calls the codecs that are codec.Checkers, of the processors that
// run here and of the views. It returns a *ValidationError with all that they
// found. What they wait for has ConnectTimeout to answer.
func (s *Service) checkCodecs(ctx context.Context) error {
	uses := s.codecUses()
	if len(uses) == 0 {
		return nil
	}
	ctx, cancel := s.cfg.checkContext(ctx)
	defer cancel()
	var mu sync.Mutex
	var problems []*Problem
	var g errgroup.Group
	g.SetLimit(checksAtOnce)
	for _, u := range uses {
		g.Go(func() error {
			if err := u.check(ctx, u.writes); err != nil {
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, &Problem{Kind: err, Where: u.where, What: err.Error()})
			}
			return nil
		})
	}
	_ = g.Wait()
	if len(problems) == 0 {
		return nil
	}
	slices.SortFunc(problems, func(a, b *Problem) int { return strings.Compare(a.Where, b.Where) })
	return &ValidationError{fmt.Sprintf("codecs of topology %q", s.topology.name), problems}
}

func (s *Service) codecUses() []*codecUse {
	uses := map[string]*codecUse{}
	add := func(d definition, writes bool) {
		if d.check == nil {
			return
		}
		u := uses[d.Name]
		if u == nil {
			u = &codecUse{where: d.Kind.String() + " " + d.Name, check: d.check}
			uses[d.Name] = u
		}
		u.writes = u.writes || writes
	}
	for _, p := range s.topology.procs {
		if len(s.cfg.Processors) > 0 && !slices.Contains(s.cfg.Processors, p.Name()) {
			continue
		}
		written := map[string]bool{}
		for _, o := range p.spec.Outputs {
			written[o.Name] = true
		}
		for _, st := range p.spec.States {
			written[st.Ref.Name] = true
		}
		for _, d := range p.refs {
			add(d, written[d.Name])
		}
		for _, u := range p.codecs {
			uses[u.where] = &u
		}
	}
	for _, r := range s.cfg.Views {
		add(r.definition(), false)
	}
	return slices.Collect(maps.Values(uses))
}

// encodes notes a codec that is not that of a topic or table.
func (p *Processor) encodes(where string, check func(context.Context, bool) error) {
	if check != nil {
		p.codecs = append(p.codecs, codecUse{where, check, true})
	}
}

// checkContext bounds how long a codec waits for what it depends on.
func (c Config) checkContext(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := c.WithDefaults().ConnectTimeout
	return context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within ConnectTimeout, %v", patience))
}

// checker returns the Check of a codec that has one.
func checker[V any](c codec.Codec[V]) func(context.Context, bool) error {
	if ch, ok := c.(codec.Checker); ok {
		return ch.Check
	}
	return nil
}

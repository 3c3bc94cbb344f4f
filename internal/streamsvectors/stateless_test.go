package streamsvectors

import (
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/processors"
)

// last is the last digit of a value.
func last(v string) int { return int(v[len(v)-1] - '0') }

func TestStateless(t *testing.T) {
	for op, build := range map[string]func() *pipeline.Topology{
		"map": func() *pipeline.Topology {
			return from(in).Add(skip(processors.Map("p", in, out, func(_ *pipeline.Context, v string) (string, error) { return v + "!", nil })))
		},
		"filter": func() *pipeline.Topology {
			return from(in).Add(skip(processors.Filter("p", in, out, func(_ *pipeline.Context, v string) (bool, error) { return last(v)%2 == 0, nil })))
		},
		"flat-map": func() *pipeline.Topology {
			return from(in).Add(skip(processors.FlatMap("p", in, out, func(_ *pipeline.Context, v string, emit func(string, string)) error {
				for i := range last(v) % 3 {
					emit(v[i:], v+string(rune('0'+i)))
				}
				return nil
			})))
		},
		"branch": branched,
		"merge": func() *pipeline.Topology {
			return from(left, right).Add(skip(processors.Merge("p", out, left, right)))
		},
		"repartition": func() *pipeline.Topology {
			return from(in).Add(skip(processors.Repartition("p", in, out, func(_ *pipeline.Context, v string) (string, error) {
				return "k" + v[len(v)-1:], nil
			})))
		},
	} {
		t.Run(op, func(t *testing.T) {
			vs := because("a record without a value fails, for the processor's error policy", vectors(t, "stateless", op), func(_ *Vector, s *Step) {
				if s.In.Value == nil {
					s.Out = nil
				}
			})
			how := inTurn
			if op == "branch" {
				how = single // which keeps the order of the branches' topics
			}
			compare(t, vs, strict, how, func(Vector) *pipeline.Topology { return build() })
		})
	}
}

func from(refs ...pipeline.Ref) *pipeline.Topology {
	return pipeline.New("vectors").From(refs...).To(out)
}

// branched marks the records of each branch, and puts them together again.
func branched() *pipeline.Topology {
	even, more := texts("even"), texts("more")
	mark := func(branch pipeline.Topic[string]) *pipeline.Processor {
		return processors.Map("mark-"+branch.Name(), branch, out, func(_ *pipeline.Context, v string) (string, error) { return branch.Name() + " " + v, nil })
	}
	return from(in).Add(mark(even), mark(more), skip(processors.Branch("p", in,
		processors.Case[string]{When: func(_ *pipeline.Context, v string) (bool, error) { return last(v)%2 == 0, nil }, To: even},
		processors.Case[string]{When: func(_ *pipeline.Context, v string) (bool, error) { return last(v) > 3, nil }, To: more})))
}

func TestToStream(t *testing.T) {
	compare(t, vectors(t, "stateless", "to-stream"), strict, single, func(Vector) *pipeline.Topology {
		return pipeline.New("vectors").From(rows("in")).Add(skip(processors.ToStream("p", rows("in"), out))).To(out)
	})
}

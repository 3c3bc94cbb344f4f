package pipeline_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// What is passed on without a copy is what came, empty values among it; and a table
// must not borrow.
func TestRaw(t *testing.T) {
	in, out := pipeline.NewTopic("in", codec.Raw()), pipeline.NewTopic("out", codec.Raw())
	p := pipeline.Process("p")
	o := pipeline.Output(p, out)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v []byte) error {
		if ctx.Key() == "nil" {
			v = nil
		}
		o.Emit(ctx, ctx.Key(), v)
		return nil
	})
	pipelinetest.Each(t, func() *pipeline.Topology { return pipeline.New("t").From(in).Add(p).To(out) }, func(d *pipelinetest.Driver) {
		records := func(t pipeline.Topic[[]byte]) []pipeline.Record {
			return []pipeline.Record{t.Record("a", []byte("one")), t.Record("b", []byte{}), t.Record("nil", []byte{}), t.Record("a", []byte("two"))}
		}
		d.Pipe(records(in)...)
		d.Expect(records(out)...)
	})

	q := pipeline.Process("q")
	pipeline.State(q, pipeline.NewTable("table", codec.Raw()))
	pipeline.Input(q, in, func(*pipeline.Context, []byte) error { return nil })
	if err := pipeline.New("t").From(in).Add(q).Validate(); !errors.Is(err, pipeline.ErrConfig) {
		t.Errorf("a table with a codec that borrows: %v", err)
	}
}

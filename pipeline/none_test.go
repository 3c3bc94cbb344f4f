package pipeline_test

import (
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// A process without processors serves views and emitters of a topology that
// others run.
func TestNoProcessors(t *testing.T) {
	words := pipeline.NewTopic("words", codec.String())
	counts := pipeline.NewTable("counts", codec.Int64())
	names := pipeline.NewTable("names", codec.String())
	topology := pipeline.New("app").From(words, names).To(names).Add(processors.Count("count", words, counts))
	d := pipelinetest.New(t, topology, pipelinetest.Views(names), func(c *pipeline.Config) { c.Processors = []string{} })
	s := d.Service()
	if st := s.Status(); len(st.Processors) != 0 || !st.Ready {
		t.Errorf("status %+v", st)
	}
	e, err := pipeline.EmitterOf(s, names)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Emit(t.Context(), "a", "Ada"); err != nil {
		t.Fatal(err)
	}
	if err := s.SyncTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := pipeline.ViewOf(s, names)
	if err != nil {
		t.Fatal(err)
	}
	if name, ok, err := v.Get("a"); name != "Ada" || !ok || err != nil {
		t.Errorf("the view has %q, %v, %v", name, ok, err)
	}
}

package pipelinetest_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
)

// What would fail a test is the error of Run.
func TestRunReturnsWhatFails(t *testing.T) {
	in, out := pipeline.NewTopic("run.in", codec.String()), pipeline.NewTopic("run.out", codec.String())
	topology := func() *pipeline.Topology {
		upper := func(_ *pipeline.Context, s string) (string, error) { return strings.ToUpper(s), nil }
		return pipeline.New("run").From(in).Add(processors.Map("upper", in, out, upper)).To(out)
	}
	if err := pipelinetest.Run(topology(), func(d *pipelinetest.Driver) {
		d.Send(in.Record("k", "v"))
		d.Expect(out.Record("k", "V"))
	}); err != nil {
		t.Errorf("a body without fault: %v", err)
	}
	reached := false
	err := pipelinetest.Run(topology(), func(d *pipelinetest.Driver) {
		d.Send(in.Record("k", "v"))
		d.Expect(out.Record("k", "X"))
		d.Send(in.Tombstone("k")) // which stops the topology
		reached = true
	})
	if err == nil || !strings.Contains(err.Error(), "want X") || !strings.Contains(err.Error(), "no value") || reached {
		t.Errorf("error %v, went on %v", err, reached)
	}
}

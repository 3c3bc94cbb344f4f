package pipelinetest_test

import (
	"strconv"
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

// What was read is forgotten, but for the newest entries of tables.
func TestRunBounded(t *testing.T) {
	in, out := pipeline.NewTopic("bounded.in", codec.String()), pipeline.NewTopic("bounded.out", codec.String())
	counts := pipeline.NewTable("bounded.counts", codec.Int64())
	p := pipeline.Process("count")
	state, to := pipeline.State(p, counts), pipeline.Output(p, out)
	pipeline.Input(p, in, func(ctx *pipeline.Context, s string) error {
		n, _ := state.Get(ctx)
		state.Set(ctx, n+1)
		to.Emit(ctx, ctx.Key(), s)
		return nil
	})
	const n, chunk = 30_000, 1000
	err := pipelinetest.RunBounded(pipeline.New("bounded").From(in).Add(p).To(out), func(d *pipelinetest.Driver) {
		for range n / chunk {
			var records []pipeline.Record
			for i := range chunk {
				records = append(records, in.Record(strconv.Itoa(i%10), "v"))
			}
			d.Pipe(records...)
		}
		for k, c := range pipelinetest.Rows(d, counts) {
			if c != n/10 {
				t.Errorf("%s was counted %d times, want %d", k, c, n/10)
			}
		}
		if read, sent := len(pipelinetest.Read(d, in)), len(pipelinetest.Read(d, out)); read > n/2 || sent != n {
			t.Errorf("%d records that were read are left, and %d of %d that nobody read", read, sent, n)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

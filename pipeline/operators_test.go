package pipeline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

func TestInvalidIsReported(t *testing.T) {
	in := pipeline.NewTopic("in", codec.String())
	p := pipeline.Process("p")
	pipeline.Input(p, in, func(*pipeline.Context, string) error { return nil })
	p.Invalid("a window of %d ms", -1)
	err := pipeline.New("t").From(in).Add(p).Validate()
	if !errors.Is(err, pipeline.ErrConfig) || !strings.Contains(err.Error(), "processor p: a window of -1 ms") {
		t.Errorf("got %v", err)
	}
}

func TestCodecAndPartitionerOfATopic(t *testing.T) {
	if in := pipeline.NewTopic("in", codec.String()); in.Codec().Name() != "string" || in.Partitioner() != pipeline.Murmur2 {
		t.Errorf("got %s, %s", in.Codec().Name(), in.Partitioner())
	}
	if tab := pipeline.NewTable("tab", codec.Int64(), pipeline.PartitionedBy(pipeline.CRC32)); tab.Partitioner() != pipeline.CRC32 {
		t.Errorf("got %s", tab.Partitioner())
	}
}

func TestInputOrDeletion(t *testing.T) {
	in := pipeline.NewTopic("in", codec.String())
	out := pipeline.NewTopic("out", codec.String())
	p := pipeline.Process("p")
	o := pipeline.Output(p, out)
	pipeline.InputOrDeletion(p, in, func(ctx *pipeline.Context, c pipeline.Change[string]) error {
		if c.Deleted {
			c.Value = "deleted"
		}
		o.Emit(ctx, ctx.Key(), c.Value)
		return nil
	})
	d := pipelinetest.New(t, pipeline.New("t").From(in).Add(p).To(out))
	d.Send(in.Record("k", "v"), in.Tombstone("k"), in.Record("k", ""))
	d.Expect(out.Record("k", "v"), out.Record("k", "deleted"), out.Record("k", ""))
}

package pipeline_test

import (
	"context"
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

// What a processor has handled out of order belongs to the group of its topology.
func TestOvertakersHaveTheNameOfTheTopology(t *testing.T) {
	in := pipeline.NewTopic("in", codec.String())
	for order, want := range map[pipeline.Order]string{pipeline.PartitionOrder: "", pipeline.KeyOrder: "app-ask-overtakers", pipeline.Unordered: "app-ask-overtakers", 7: "unknown order 7"} {
		p := pipeline.Process("ask")
		pipeline.InputAhead(p, in, pipeline.Lookahead{Order: order}, func(context.Context, pipeline.Coming, string) (string, error) { return "", nil },
			func(*pipeline.Context, string, string) error { return nil })
		topology := pipeline.New("app").From(in).Add(p)
		if err := topology.Validate(); order == 7 {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v", order, err)
			}
			continue
		} else if err != nil {
			t.Errorf("%v: %v", order, err)
		}
		var got string
		for _, e := range topology.Describe().Processors[0].Edges {
			if e.Role == "store" {
				got = e.Name
			}
		}
		if got != want {
			t.Errorf("%v: the store is %q, want %q", order, got, want)
		}
	}
}

package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// Topics that another client partitions meet in joins, lookups and loops, and
// the state that follows them is found in a view.
func TestPartitioners(t *testing.T) {
	for _, by := range []pipeline.Partitioner{pipeline.Murmur2, pipeline.FNV1a, pipeline.CRC32} {
		t.Run(string(by), func(t *testing.T) {
			var (
				in    = pipeline.NewTopic("in", codec.String(), pipeline.Partitions(5), pipeline.PartitionedBy(by))
				table = pipeline.NewTable("table", codec.String(), pipeline.PartitionedBy(by))
				count = pipeline.NewTable("count", codec.Int64())
				out   = pipeline.NewTopic("out", codec.String(), pipeline.Partitions(3), pipeline.PartitionedBy(by))
			)
			topology := func() *pipeline.Topology {
				p := pipeline.Process("p")
				joined, global := pipeline.Join(p, table), pipeline.Lookup(p, table)
				state := pipeline.State(p, count)
				to := pipeline.Output(p, out)
				loop := pipeline.Loop(p, codec.String())
				loop.Handle(func(ctx *pipeline.Context, v string) error {
					n, _ := state.Get(ctx)
					state.Set(ctx, n+1)
					return nil
				})
				pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
					j, jok := joined.Get(ctx)
					g, gok := global.Get(ctx, ctx.Key())
					n, _ := state.Get(ctx)
					state.Set(ctx, n+1)
					loop.Emit(ctx, ctx.Key(), v)
					to.Emit(ctx, ctx.Key(), fmt.Sprint(j, jok, g, gok))
					return nil
				})
				return pipeline.New("t").From(in, table).Add(p).To(out, count)
			}
			pipelinetest.Each(t, topology, func(d *pipelinetest.Driver) {
				var rows, ins []pipeline.Record
				for i := range 20 {
					k := fmt.Sprintf("key-%d", i)
					rows = append(rows, table.Row(k, "v"+k))
					ins = append(ins, in.Record(k, "x"))
				}
				d.Pipe(rows...)
				d.Pipe(ins...)
				view, err := pipeline.ViewOf(d.Service(), count)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 20 {
					k := fmt.Sprintf("key-%d", i)
					d.Expect(count.Row(k, 2))
					if n, ok, err := view.Get(k); n != 2 || !ok || err != nil {
						t.Errorf("view of %s: %d, %v, %v", k, n, ok, err)
					}
				}
				for _, m := range pipelinetest.Read(d, out) {
					if want := fmt.Sprint("v"+m.Key, true, "v"+m.Key, true); m.Value != want {
						t.Errorf("%s: %s, want %s", m.Key, m.Value, want)
					}
				}
			}, pipelinetest.Views(count))
		})
	}
}

func TestPartitionersThatDiffer(t *testing.T) {
	in := pipeline.NewTopic("in", codec.String(), pipeline.PartitionedBy(pipeline.FNV1a))
	table := pipeline.NewTable("table", codec.String())
	p := pipeline.Process("p")
	pipeline.Join(p, table)
	pipeline.Input(p, in, nothing[string])
	err := pipeline.Run(t.Context(), pipeline.New("t").From(in, table).Add(p), memoryConfig())
	if err == nil || !strings.Contains(err.Error(), "in by fnv1a, table by murmur2") {
		t.Errorf("joining what is partitioned in different ways: %v", err)
	}
	bad := pipeline.NewTopic("in", codec.String(), pipeline.PartitionedBy("md5"))
	q := pipeline.Process("q")
	pipeline.Input(q, bad, nothing[string])
	if err := pipeline.New("t").From(bad).Add(q).Validate(); err == nil || !strings.Contains(err.Error(), `unknown partitioner "md5"`) {
		t.Errorf("an unknown partitioner: %v", err)
	}
}

func TestRecordTo(t *testing.T) {
	in := pipeline.NewTopic("in", codec.String(), pipeline.Partitions(4))
	pipelinetest.Each(t, func() *pipeline.Topology {
		p := pipeline.Process("p")
		out := pipeline.Output(p, visits)
		pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
			out.Emit(ctx, ctx.Key(), visit{fmt.Sprint(ctx.Partition())})
			return nil
		})
		return pipeline.New("t").From(in).Add(p).To(visits)
	}, func(d *pipelinetest.Driver) {
		for n := range 4 {
			d.Send(in.Record("same", "v").To(n))
			d.Expect(visits.Record("same", visit{fmt.Sprint(n)}))
		}
		if err := d.TrySend(in.Record("same", "v").To(4)); err == nil {
			t.Error("partition 4 of 4 took a record")
		}
	})
}

package streamsvectors

import (
	"testing"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

func concat(_ *pipeline.Context, a, b string) (string, error) { return a + "," + b, nil }

func TestStreamAggregate(t *testing.T) {
	vs := because("an aggregate is as old as the record that changed it; in Kafka Streams as the latest of the key",
		vectors(t, "tables", "stream-aggregate"), func(_ *Vector, s *Step) {
			for i := range s.Out {
				s.Out[i].Time = s.In.Time
			}
		})
	compare(t, vs, strict, single, func(v Vector) *pipeline.Topology {
		counts, table := pipeline.NewTable("out", codec.Int64()), pipeline.NewTable("out", codec.String())
		top := pipeline.New("vectors").From(in)
		switch v.Agg {
		case "count":
			return top.Add(skip(processors.Count("p", in, counts))).To(counts)
		case "reduce":
			return top.Add(skip(processors.Reduce("p", in, table, concat))).To(table)
		}
		return top.Add(skip(processors.Aggregate("p", in, table, func(ctx *pipeline.Context, so, v string) (string, error) {
			return so + ctx.Key() + v + ";", nil
		}))).To(table)
	})
}

// skip leaves out the records without a key or a value, which Kafka Streams
// drops without asking.
func skip(p *pipeline.Processor) *pipeline.Processor { return p.OnError(pipeline.Skip()) }

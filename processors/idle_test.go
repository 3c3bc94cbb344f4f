package processors_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// In a partition that falls silent, stream time goes on with the clock after what
// Idle says: windows close, and records without a partner are emitted, though no
// other record comes. Without Idle they wait for one.
func TestIdlePartitionsClose(t *testing.T) {
	sum := aggregate.Sum(func(n int64) int64 { return n })
	at := start.Add(3 * time.Second)
	for name, tt := range map[string]struct {
		p    func() *pipeline.Processor
		from []pipeline.Ref
		want pipeline.Record
	}{
		"window": {func() *pipeline.Processor {
			return processors.Window("p", numbers, processors.Tumbling(10*time.Second),
				sum, pipeline.NewTable("panes", processors.Panes(codec.Int64())), processors.EmitFinal(results))
		}, []pipeline.Ref{numbers}, results.Record(processors.WindowKey("a", start), 1).At(at)},
		"session": {func() *pipeline.Processor {
			return processors.Window("p", numbers, processors.Session(6*time.Second),
				sum, pipeline.NewTable("panes", processors.Panes(codec.Int64())), processors.EmitFinal(results))
		}, []pipeline.Ref{numbers}, results.Record(processors.SessionKey("a", at, at), 1).At(at)},
		"join": {func() *pipeline.Processor {
			return processors.LeftJoinStreams("p", numbers, more, processors.Within(6*time.Second), results,
				func(_ *pipeline.Context, l, _ int64, _ bool) (int64, error) { return l, nil })
		}, []pipeline.Ref{numbers, more}, results.Record("a", 1).At(at)},
	} {
		for _, idle := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := tt.p()
				if idle {
					pipeline.Idle(p, time.Minute)
				}
				d := pipelinetest.New(t, pipeline.New("t").From(tt.from...).Add(p).To(results))
				d.Send(numbers.Record("a", 1).At(at))
				d.Advance(time.Minute)
				d.ExpectNone(results)
				d.Restart()
				d.Advance(0) // the silence begins anew, when the timers are first looked at
				d.Advance(time.Minute)
				d.ExpectNone(results)
				d.Advance(8 * time.Second)
				if idle {
					d.Expect(tt.want)
				}
				d.ExpectNone(results)
			})
		}
	}
}

package stages

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/pipelinetest"
)

// All that is noted becomes due once, some at each record, also what was noted for a
// time that is over already while others are due.
func TestExpiry(t *testing.T) {
	in, out := pipeline.NewTopic("in", codec.String()), pipeline.NewTopic("out", codec.String())
	p := pipeline.Process("expiry")
	e := newExpiry(p, "ages")
	due := pipeline.Output(p, out)
	pipeline.Input(p, in, func(ctx *pipeline.Context, at string) error {
		if at != "" {
			hours, err := time.ParseDuration(at)
			if err != nil {
				return err
			}
			e.note(ctx, ctx.Key(), time.Unix(0, 0).Add(hours))
		}
		keys, _ := e.due(ctx)
		for _, k := range keys {
			due.Emit(ctx, k, "")
		}
		return nil
	})
	d := pipelinetest.New(t, pipeline.New("expiry").From(in).To(out).Add(p), func(c *pipeline.Config) { c.Partitions = 1 })
	var list []pipeline.Record
	begin := time.Unix(0, 0).UTC()
	for i := range 10 * maxDue { // of seven hours
		list = append(list, in.Record(fmt.Sprintf("k%04d", i), fmt.Sprintf("%dh", 100+i%7)).At(begin))
	}
	d.Pipe(list...)
	if n := len(pipelinetest.Read(d, out)); n != 0 {
		t.Fatalf("%d are due at once", n)
	}
	at := begin.Add(200 * time.Hour)
	d.Pipe(in.Record("one", "").At(at), in.Record("two", "").At(at), in.Record("late", "50h").At(at))
	first := pipelinetest.Read(d, out)
	if len(first) != 3*maxDue {
		t.Errorf("%d are due after three records, want %d", len(first), 3*maxDue)
	}
	list = nil
	for range 12 {
		list = append(list, in.Record("more", "").At(at))
	}
	d.Pipe(append(list, in.Record("next", "").At(at.Add(time.Hour)))...)
	seen := map[string]int{}
	for _, r := range append(first, pipelinetest.Read(d, out)...) {
		seen[r.Key]++
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("%s was due %d times", k, n)
		}
	}
	if len(seen) != 10*maxDue+1 || seen["late"] != 1 {
		t.Errorf("%d were due, want %d; the late one %d times", len(seen), 10*maxDue+1, seen["late"])
	}
	if rows := pipelinetest.Rows(d, pipeline.NewTable("ages", codec.Int64())); len(rows) != 1 {
		t.Errorf("left: %v", rows)
	}
}

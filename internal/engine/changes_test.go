package engine_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// counting is a topology of one processor with what may change in it.
func counting[V any](proc string, table pipeline.Table[V], inputs ...pipeline.Topic[string]) *pipeline.Topology {
	p := pipeline.Process(proc)
	state := pipeline.State(p, table)
	t := pipeline.New("app")
	for _, in := range inputs {
		pipeline.Input(p, in, func(ctx *pipeline.Context, _ string) error {
			v, _ := state.Get(ctx)
			state.Set(ctx, v)
			return nil
		})
		t.From(in)
	}
	return t.Add(p)
}

// What changed between two versions of a topology is found when the second one
// starts: it refuses what its state does not survive, and tells the rest.
func TestChangesAreFoundAtStart(t *testing.T) {
	more := pipeline.NewTopic("more", codec.String())
	v1 := func() *pipeline.Topology { return counting("count", seen, input) }
	for _, tt := range []struct {
		name string
		v2   func() *pipeline.Topology
		says string
		runs bool
	}{
		{"nothing", v1, "", true},
		{"added input", func() *pipeline.Topology { return counting("count", seen, input, more) },
			"topic more is a new input of processor count: it is read from its oldest record on", true},
		{"codec of a table", func() *pipeline.Topology { return counting("count", pipeline.NewTable("seen", codec.Bytes()), input) },
			"topic seen: was written with codec int64, and processor count declares it with bytes now", false},
		{"renamed table", func() *pipeline.Topology { return counting("count", pipeline.NewTable("seen2", codec.Int64()), input) },
			"topic seen is no longer a table of processor count", true},
		{"renamed processor", func() *pipeline.Topology { return counting("counter", seen, input) },
			"topic seen: was the table of processor count", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 2, "in", "more")
			s := l.start("m", v1())
			l.send("in", "a", "b")
			l.settled("app-count", "in")
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			logged := func(e *engine.Config) { e.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
			s = l.start("m", tt.v2(), logged)
			said := ""
			if tt.runs {
				if err := s.WaitReady(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(log.String()) {
					if strings.Contains(line, "level=WARN") {
						said += line
					}
				}
			} else {
				<-s.ended
				if s.err == nil {
					t.Fatal("it ran")
				}
				said = s.err.Error()
			}
			if !strings.Contains(said, tt.says) || tt.says == "" && said != "" {
				t.Errorf("it said %q, want %q", said, tt.says)
			}
			// The old version goes on, if the new one did not run.
			if !tt.runs {
				l.start("m", v1())
				l.send("in", "c")
				l.settled("app-count", "in")
			}
		})
	}
}

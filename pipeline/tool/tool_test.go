package tool_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/tool"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// names are topics of one test alone: the cluster may be shared.
type names struct {
	app, in, out, failed, seen string
}

func newNames(t *testing.T) names {
	app := strings.ToLower(t.Name()) + "-" + time.Now().Format("150405.000000")
	return names{app, app + ".in", app + ".out", app + ".failed", app + ".seen"}
}

// topology counts records by key, and fails at "bad" until it is mended.
func (n names) topology(mended bool) *pipeline.Topology {
	in, out := pipeline.NewTopic(n.in, codec.String()), pipeline.NewTopic(n.out, codec.Int64())
	failed := pipeline.NewTopic(n.failed, codec.Bytes())
	p := pipeline.Process("count").DeadLetters(failed)
	seen := pipeline.State(p, pipeline.NewTable(n.seen, codec.Int64()))
	o := pipeline.Output(p, out)
	pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
		if v == "bad" && !mended {
			return errors.New("bad record")
		}
		c, _ := seen.Get(ctx)
		seen.Set(ctx, c+1)
		o.Emit(ctx, ctx.Key(), c+1)
		return nil
	})
	return pipeline.New(n.app).From(in).Add(p).To(out, failed)
}

// running is a service with an emitter into its input.
type running struct {
	t   *testing.T
	n   names
	cfg pipeline.Config
	s   *pipeline.Service
	end func() error
}

func start(t *testing.T, n names, cfg pipeline.Config, mended bool) *running {
	t.Helper()
	return startTopology(t, n, cfg, n.topology(mended))
}

func startTopology(t *testing.T, n names, cfg pipeline.Config, topology *pipeline.Topology) *running {
	t.Helper()
	s, err := pipeline.NewService(topology, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var result error
	stopped := false
	r := &running{t, n, cfg, s, func() error {
		if !stopped {
			cancel()
			result, stopped = <-ended, true
		}
		return result
	}}
	t.Cleanup(func() { _ = r.end() })
	wait, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	if err := s.WaitReady(wait); err != nil {
		t.Fatal(err, r.end())
	}
	return r
}

func (r *running) send(values ...string) {
	r.t.Helper()
	e, err := pipeline.EmitterOf(r.s, pipeline.NewTopic(r.n.in, codec.String()))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, v := range values {
		if err := e.Emit(r.t.Context(), "k-"+v, v, pipeline.Header{Name: "own", Value: []byte(v)}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// await waits until a condition of the cluster holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func config(t *testing.T) pipeline.Config {
	return pipeline.Config{Brokers: brokers(t), StateDir: t.TempDir(), Partitions: 2, CommitInterval: 10 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func letters(t *testing.T, cfg pipeline.Config, topic string, f tool.Filter) (ls []tool.Letter) {
	t.Helper()
	err := tool.DeadLetters(t.Context(), cfg, topic, f, func(l tool.Letter) error { ls = append(ls, l); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// Dead letters are listed, and go back once, whole, whatever ends a replay.
func TestReplay(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, false)
	r.send("bad", "good", "bad", "bad")
	await(t, "three dead letters", func() bool { return len(letters(t, cfg, n.failed, tool.Filter{})) == 3 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	l := letters(t, cfg, n.failed, tool.Filter{Processor: "count", Error: "bad rec"})[0]
	if l.Stage != "handle" || l.Source.Topic != n.in || l.Key != "k-bad" || string(l.Value) != "bad" || l.Attempts != 1 || l.FailedAt.IsZero() {
		t.Errorf("dead letter %+v", l)
	}
	if ls := letters(t, cfg, n.failed, tool.Filter{Topic: "other"}); len(ls) != 0 {
		t.Errorf("another topic's: %v", ls)
	}

	o := tool.ReplayOptions{Topic: n.failed, DryRun: true}
	if done, err := tool.Replay(t.Context(), cfg, o); err != nil || done.Replayed != 3 {
		t.Errorf("dry run: %+v, %v", done, err)
	}
	o.DryRun, o.Limit = false, 2
	if done, err := tool.Replay(t.Context(), cfg, o); err != nil || done.Replayed != 2 {
		t.Errorf("first replay: %+v, %v", done, err)
	}
	o.Limit = 0
	if done, err := tool.Replay(t.Context(), cfg, o); err != nil || done.Replayed != 1 {
		t.Errorf("second replay: %+v, %v", done, err)
	}
	if done, err := tool.Replay(t.Context(), cfg, o); err != nil || done.Replayed != 0 {
		t.Errorf("third replay: %+v, %v", done, err)
	}
	start(t, n, cfg, true)
	await(t, "the counts", func() bool { return counted(t, cfg, n)["k-bad"] == 3 })
	if got := counted(t, cfg, n); got["k-good"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// Reset lists everything, refuses while the service runs, and then deletes
// just that.
func TestReset(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, true)
	r.send("a", "b", "a")
	await(t, "the counts", func() bool { return counted(t, cfg, n)["k-a"] == 2 && counted(t, cfg, n)["k-b"] == 1 })

	o := tool.ResetOptions{App: n.app}
	var busy *transport.GroupInUseError
	if _, err := tool.Reset(t.Context(), cfg, o, false); !errors.As(err, &busy) || len(busy.Members) != 1 {
		t.Errorf("with the service running: %v", err)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cfg.StateDir, n.app, "count")
	want := "delete group " + n.app + "-count\ndelete topic " + n.seen + "\ndelete folder " + folder + "\nforget processor count\n"
	plan, err := tool.Reset(t.Context(), cfg, o, true)
	if err != nil || plan.String() != want {
		t.Errorf("plan:\n%s%v\nwant:\n%s", plan, err, want)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("the dry run deleted: %v", err)
	}
	if _, err := tool.Reset(t.Context(), cfg, o, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state folder: %v", err)
	}
	// Everything is counted again, from nothing.
	start(t, n, cfg, true)
	await(t, "the outputs of both times", func() bool { return len(outputs(t, cfg, n)) == 6 })
	if got := outputs(t, cfg, n); !slices.Equal(got, []string{"k-a=1", "k-a=1", "k-a=2", "k-a=2", "k-b=1", "k-b=1"}) {
		t.Errorf("outputs %q", got)
	}
}

func TestResetToATime(t *testing.T) {
	cfg, n := config(t), newNames(t)
	r := start(t, n, cfg, true)
	r.send("a", "b")
	await(t, "the counts", func() bool { return len(outputs(t, cfg, n)) == 2 })
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if _, err := tool.Reset(t.Context(), cfg, tool.ResetOptions{App: n.app, To: time.Now().Add(time.Hour), Delete: []string{n.out}}, false); err != nil {
		t.Fatal(err)
	}
	r = start(t, n, cfg, true)
	r.send("c")
	await(t, "the count of what came later", func() bool { return len(outputs(t, cfg, n)) > 0 })
	if got := outputs(t, cfg, n); !slices.Equal(got, []string{"k-c=1"}) {
		t.Errorf("outputs %q", got)
	}
}

func TestResetReportsAll(t *testing.T) {
	cfg, n := config(t), newNames(t)
	if err := start(t, n, cfg, true).end(); err != nil {
		t.Fatal(err)
	}
	_, err := tool.Reset(t.Context(), cfg, tool.ResetOptions{App: n.app, Processors: []string{"cuont"}, Delete: []string{"other"}}, true)
	var re *tool.ResetError
	if !errors.As(err, &re) || len(re.Problems) != 2 {
		t.Errorf("got %v, want two problems", err)
	}
	if _, err := tool.Reset(t.Context(), cfg, tool.ResetOptions{App: n.app + "x"}, true); !errors.As(err, &re) {
		t.Errorf("an app that never ran: %v", err)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/stage"
	"github.com/millrace/millrace/bench/internal/workload"
	"github.com/millrace/millrace/bench/nexmark/auction"
	"github.com/millrace/millrace/pipeline"
)

// result is what a run cost.
type result struct {
	events    int // that were measured
	wall, cpu time.Duration
	warming   time.Duration // from the first commit to the last before the measurement
	outputs   int
}

func (r result) rate() float64 { return float64(r.events) / r.wall.Seconds() }

// perMillion is the processor seconds for a million events.
func (r result) perMillion() float64 { return r.cpu.Seconds() / float64(r.events) * 1e6 }

// measure runs a query in a process, with a topic of its own for the events,
// waits until all is committed, and checks what came out.
func measure(ctx context.Context, st *stage.Stage, o options, q auction.Query, name string) (r result, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, errors.New("it does not come to an end"))
	defer cancel()
	app := fmt.Sprintf("nexmark-%s-%s", q.Name, name)
	state := filepath.Join(st.Dir, "state", app)
	if err := os.MkdirAll(state, 0o755); err != nil {
		return r, err
	}
	defer func() {
		err = errors.Join(err, st.Topics.Remove(context.WithoutCancel(ctx), app), os.RemoveAll(state))
	}()
	if name != millrace { // which makes its topics itself
		if _, err := st.Topics.Make(ctx, auction.Output(app), false); err != nil {
			return r, err
		}
	}
	input := app + "-in"
	if _, err := st.Topics.Make(ctx, input, false); err != nil {
		return r, err
	}
	first, others := o.halves()
	held, err := st.Topics.Hold(ctx, input, records(first), records(others))
	if err != nil {
		return r, err
	}
	defer held.Close()
	cmd, groups, err := command(st, o, q, name, app, input, state)
	if err != nil {
		return r, err
	}
	if r, err = watch(ctx, st.Topics, cmd, groups, app, input, held); err != nil {
		return r, err
	}
	for range others {
		r.events++
	}
	r.outputs, err = check(ctx, st, o, q, app)
	return r, err
}

func command(st *stage.Stage, o options, q auction.Query, name, app, input, state string) (*exec.Cmd, []string, error) {
	brokers := strings.Join(st.Brokers, ",")
	if name != millrace {
		target := filepath.Join(st.Root, "bench", "peers", "streams", "target")
		class := filepath.Join(target, "classes") + string(os.PathListSeparator) + filepath.Join(target, "lib", "*")
		return exec.Command("java", "-Xmx"+o.heap, "-cp", class, "Main", "--brokers="+brokers, "--workload=nexmark-"+q.Name,
			"--app="+app, "--input="+input, "--output="+auction.Output(app), "--state="+state, "--guarantee=exactly-once",
			"--commit="+o.commit.String()), []string{app}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var groups []string
	for _, p := range q.Build(app, input).Processors() {
		groups = append(groups, app+"-"+p)
	}
	return exec.Command(self, "-query", q.Name, "-app", app, "-input", input, "-state", state, "-brokers", brokers,
		"-commit", o.commit.String(), fmt.Sprintf("-partitions=%d", o.partitions)), groups, nil
}

func (o options) all() iter.Seq[auction.Event] { return auction.Events(o.events, o.perSecond, o.seed) }

// halves are the events that warm, and those that are measured.
func (o options) halves() (first, others iter.Seq[auction.Event]) {
	part := func(want bool) iter.Seq[auction.Event] {
		return func(yield func(auction.Event) bool) {
			n := 0
			for e := range o.all() {
				if n++; (n <= o.warm) == want && !yield(e) {
					return
				}
			}
		}
	}
	return part(true), part(false)
}

func records(events iter.Seq[auction.Event]) iter.Seq[workload.Record] {
	return func(yield func(workload.Record) bool) {
		for e := range events {
			if !yield(workload.Record{Key: []byte(e.Key()), Value: e.Append(nil)}) {
				return
			}
		}
	}
}

// check compares the output with the computation, and returns its length.
func check(ctx context.Context, st *stage.Stage, o options, q auction.Query, app string) (n int, err error) {
	r := q.NewResult()
	var bad error
	err = st.Topics.Read(ctx, auction.Output(app), 3*time.Second, func(rec *kgo.Record) bool {
		n++
		bad = r.Add(string(rec.Key), rec.Value)
		return bad == nil
	})
	if err := errors.Join(err, bad); err != nil {
		return n, err
	}
	return n, r.Differ(q.Batch(o.all()))
}

// serve is the process that runs a query.
func serve(ctx context.Context, o options) error {
	q, err := auction.Find(o.query)
	if err != nil {
		return err
	}
	err = pipeline.Run(ctx, q.Build(o.app, o.input), pipeline.Config{
		Brokers: strings.Split(o.brokers, ","), StateDir: o.state, CommitInterval: o.commit, Partitions: o.partitions,
		Guarantee: pipeline.ExactlyOnce, Logger: slog.New(slog.DiscardHandler)})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

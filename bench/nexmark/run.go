package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/stage"
	"github.com/millrace/millrace/bench/nexmark/auction"
	"github.com/millrace/millrace/pipeline"
)

// result is what a run cost.
type result struct {
	events    int64 // that were measured
	wall, cpu time.Duration
	outputs   int
}

const (
	warm  = 0.2 // the share of the events that is not counted
	poll  = 50 * time.Millisecond
	quiet = 30 * time.Second // without a commit: it is done, its later steps too
)

// measure runs a query in a process, waits until all is committed, and checks
// what came out.
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
	if name != "millrace" { // which makes its topics itself
		if _, err := st.Topics.Make(ctx, auction.Output(app), false); err != nil {
			return r, err
		}
	}
	total, err := st.Topics.End(ctx, input)
	if err != nil {
		return r, err
	}
	cmd, groups, err := command(st, o, q, name, app, state)
	if err != nil {
		return r, err
	}
	began, last, err := process(ctx, st, cmd, groups, total)
	if err != nil {
		return r, err
	}
	r.events, r.wall, r.cpu = last.input-began.input, last.at.Sub(began.at), last.cpu-began.cpu
	if r.events <= 0 || r.wall <= 0 {
		return r, errors.New("too few events to measure: all were committed at once")
	}
	r.outputs, err = check(ctx, st, o, q, app)
	return r, err
}

func command(st *stage.Stage, o options, q auction.Query, name, app, state string) (*exec.Cmd, []string, error) {
	brokers := strings.Join(st.Brokers, ",")
	if name != "millrace" {
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

// sample is what was seen at a moment.
type sample struct {
	at    time.Time
	cpu   time.Duration
	input int64 // positions committed on the input
	all   int64 // and on all topics
}

// process runs a command until its groups have committed all of the input and
// commit nothing more. It returns when a fifth was committed, by when all is warm,
// and when the last was.
func process(ctx context.Context, st *stage.Stage, cmd *exec.Cmd, groups []string, total int64) (began, last sample, err error) {
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return began, last, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	running := true
	defer func() {
		if !running {
			return
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-exited
		}
	}()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	warmed := false
	for {
		select {
		case err := <-exited:
			running = false
			return began, last, fmt.Errorf("it ended by itself: %v", err)
		case <-ctx.Done():
			return began, last, context.Cause(ctx)
		case <-tick.C:
		}
		// The processor time first: it must not hold what was used after the commit was seen.
		cpu, err := contender.CPU(cmd.Process.Pid)
		if err != nil {
			return began, last, err
		}
		s := sample{at: time.Now(), cpu: cpu}
		if s.input, s.all, err = st.Topics.Committed(ctx, groups, input); err != nil {
			return began, last, err
		}
		if !warmed && float64(s.input) >= warm*float64(total) {
			began, warmed = s, true
		}
		if s.all != last.all {
			last = s
		}
		if s.input >= total && s.at.Sub(last.at) > quiet {
			return began, last, nil
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

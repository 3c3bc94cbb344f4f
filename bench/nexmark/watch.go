package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/topics"
)

const (
	poll  = 50 * time.Millisecond
	quiet = 2 * time.Second // without a commit: then it is asked whether all is done
)

// watch runs a command until its groups have committed the first events of the
// input, and what its steps sent each other for them; releases the others; and
// measures until all is committed. The process has ended when it returns.
func watch(ctx context.Context, ts *topics.Topics, cmd *exec.Cmd, groups []string, app, input string, held *topics.Held) (r result, err error) {
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return r, err
	}
	p := &process{ts: ts, pid: cmd.Process.Pid, groups: groups, app: app, input: input, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-p.ended
		}
	}()
	began, last, err := p.until(ctx, held.First)
	if err != nil {
		return r, fmt.Errorf("before the measurement: %w", err)
	}
	r.warming = last.at.Sub(began.at)
	if began, err = p.sample(ctx); err != nil {
		return r, err
	}
	if err := held.Release(ctx); err != nil {
		return r, err
	}
	if _, last, err = p.until(ctx, held.All); err != nil {
		return r, err
	}
	r.wall, r.cpu = last.at.Sub(began.at), last.cpu-began.cpu
	return r, nil
}

// process is one that runs a query.
type process struct {
	ts         *topics.Topics
	pid        int
	groups     []string
	app, input string
	ended      chan struct{}
	err        error // after ended
}

// sample is what was seen of a process at a moment.
type sample struct {
	at        time.Time
	cpu       time.Duration
	positions topics.Positions
}

func (p *process) sample(ctx context.Context) (s sample, err error) {
	// The processor time first: it must not hold what was used after the commit was seen.
	if s.cpu, err = contender.CPU(p.pid); err != nil {
		return s, err
	}
	s.at = time.Now()
	s.positions, err = p.ts.Positions(ctx, p.groups)
	return s, err
}

// until waits until the input is committed up to certain positions, and nothing
// is left between the steps. It returns what it saw at the first and at the last
// commit.
func (p *process) until(ctx context.Context, ends map[int32]int64) (first, last sample, err error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return first, last, fmt.Errorf("it ended by itself: %v", p.err)
		case <-ctx.Done():
			return first, last, context.Cause(ctx)
		case <-tick.C:
		}
		s, err := p.sample(ctx)
		if err != nil {
			return first, last, err
		}
		if s.positions.Sum() != last.positions.Sum() {
			last = s
		}
		if first.at.IsZero() {
			first = last
		}
		if !s.positions.Reached(p.input, ends) || s.at.Sub(last.at) < quiet {
			continue
		}
		// Some time after the last commit, and only then: this reads.
		done, err := p.ts.Drained(ctx, s.positions, p.app, p.input)
		if err != nil || done {
			return first, last, err
		}
	}
}

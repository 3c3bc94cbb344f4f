package measure

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/topics"
	"github.com/millrace/millrace/bench/internal/workload"
)

// Bench is where contenders are run.
type Bench struct {
	Root       string // the project
	Dir        string // programs, state folders and logs
	Brokers    []string
	Topics     *topics.Topics
	Partitions int
	Commit     time.Duration
	Timeout    time.Duration // of one run
	Profiles   string        // folder for profiles of the contenders in Go; none by default
}

const (
	warm  = 0.2 // the share of the input that is not counted
	poll  = 50 * time.Millisecond
	quiet = time.Second // without a commit: it is done
)

// ErrStuck means that a contender stopped processing before the end.
var ErrStuck = errors.New("the contender does not go on")

// Run runs a contender on n records of a workload, whose input Prepare has
// written.
func (b *Bench) Run(ctx context.Context, w workload.Workload, c contender.Contender, n, round int) (Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.Timeout, ErrStuck)
	defer cancel()
	app := fmt.Sprintf("run-%s-%s-%d", w.Name, c.Name, round)
	r := run{b: b, w: w, c: c, app: app, output: app + "-out", input: Input(w)}
	r.Result = Result{Workload: w.Name, Contender: c.Name, Outputs: -1, Want: -1}
	err := r.do(ctx, n)
	if err != nil {
		err = fmt.Errorf("%s on %s: %w%s", c.Name, w.Name, err, r.tail())
	}
	err = errors.Join(err, b.Topics.Remove(context.WithoutCancel(ctx), app), os.RemoveAll(r.state()))
	return r.Result, err
}

// Input returns the topic of a workload's input.
func Input(w workload.Workload) string { return "input-" + w.Name }

// Table returns the topic of the table that a workload joins.
func Table(w workload.Workload) string { return "table-" + w.Name }

// Prepare writes n records of a workload's input, and its table, unless they
// are there.
func (b *Bench) Prepare(ctx context.Context, w workload.Workload, n int) error {
	if w.TableBytes > 0 {
		if fresh, err := b.Topics.Make(ctx, Table(w), true); err != nil {
			return err
		} else if fresh {
			if err := b.Topics.Fill(ctx, Table(w), w.Table()); err != nil {
				return err
			}
		}
	}
	fresh, err := b.Topics.Make(ctx, Input(w), false)
	if err != nil || !fresh || w.Rate > 0 {
		return err
	}
	return b.Topics.Fill(ctx, Input(w), w.Records(n))
}

// run is one run of a contender.
type run struct {
	Result
	b                  *Bench
	w                  workload.Workload
	c                  contender.Contender
	app, input, output string
	log                *os.File
}

func (r *run) state() string { return filepath.Join(r.b.Dir, "state", r.app) }

func (r *run) do(ctx context.Context, n int) error {
	if err := os.MkdirAll(r.state(), 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(r.b.Dir, r.app+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	r.log = log
	if _, err := r.b.Topics.Make(ctx, r.output, false); err != nil {
		return err
	}
	switch {
	case r.w.Rate > 0:
		return r.latency(ctx, n)
	case r.w.Restore:
		return r.restore(ctx)
	}
	if err := r.process(ctx, int64(n), warm); err != nil {
		return err
	}
	return r.count(ctx, n)
}

// start starts the contender.
func (r *run) start() (*contender.Process, error) {
	profile := ""
	if r.b.Profiles != "" {
		profile = filepath.Join(r.b.Profiles, r.app+".prof")
	}
	return r.c.Start(contender.Args{Profile: profile,
		Root: r.b.Root, Dir: r.b.Dir, Brokers: r.b.Brokers, Workload: r.w, App: r.app,
		Input: r.input, Table: Table(r.w), Output: r.output, State: r.state(), Commit: r.b.Commit.String(),
		Partition: r.b.Partitions, Stderr: r.log})
}

// sample is what was seen at a moment.
type sample struct {
	at      time.Time
	cpu     time.Duration
	input   int64 // positions committed on the input
	commits int64 // and on all topics
}

// process starts the contender, waits until it has committed n records of its
// input and nothing more comes, and notes what that cost from the given share
// of them on.
func (r *run) process(ctx context.Context, n int64, from float64) error {
	began := sample{at: time.Now()}
	p, err := r.start()
	if err != nil {
		return err
	}
	defer p.Stop()
	last, warmed := began, from == 0
	err = r.watch(ctx, p, func(s sample) (done bool) {
		if !warmed && float64(s.input) >= from*float64(n) {
			began, warmed = s, true
		}
		if s.commits != last.commits {
			last = s
		}
		return s.input >= n && s.at.Sub(last.at) > quiet
	})
	if err != nil {
		return err
	}
	r.Records, r.Wall, r.CPU = last.input-began.input, last.at.Sub(began.at), last.cpu-began.cpu
	r.Peak, err = p.Peak()
	if r.Records <= 0 || r.Wall <= 0 {
		return fmt.Errorf("the input is too short to measure: all %d records were committed at once", n)
	}
	return err
}

// watch samples the contender until done says so.
func (r *run) watch(ctx context.Context, p *contender.Process, done func(sample) bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	groups := r.c.Groups(r.app, r.w.Kind)
	for {
		select {
		case <-p.Exited():
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		// The processor time first: it must not hold what was used after the commit was seen.
		cpu, err := p.CPU()
		if err != nil {
			return err
		}
		s := sample{at: time.Now(), cpu: cpu}
		if s.input, s.commits, err = r.b.Topics.Committed(ctx, groups, r.input); err != nil {
			return err
		}
		if done(s) {
			return nil
		}
	}
}

// restore has the contender process its input, takes its state away, and
// measures from the start of the process until it processes again.
func (r *run) restore(ctx context.Context) error {
	before, err := r.b.Topics.End(ctx, r.input)
	if err != nil {
		return err
	}
	if err := r.process(ctx, before, warm); err != nil {
		return fmt.Errorf("filling the table: %w", err)
	}
	if err := errors.Join(os.RemoveAll(r.state()), os.MkdirAll(r.state(), 0o755)); err != nil {
		return err
	}
	// A few records for every partition, as a sign that it is processing again.
	if err := r.b.Topics.Fill(ctx, r.input, r.w.Records(64)); err != nil {
		return err
	}
	if err := r.process(ctx, before+64, 0); err != nil {
		return err
	}
	r.Records = int64(r.w.Keys)
	return nil
}

// latency offers records at a steady rate and measures how long each takes.
func (r *run) latency(ctx context.Context, n int) error {
	r.input = r.app + "-in"
	if _, err := r.b.Topics.Make(ctx, r.input, false); err != nil {
		return err
	}
	p, err := r.start()
	if err != nil {
		return err
	}
	defer p.Stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	offered := make(chan error, 1)
	go func() {
		err := r.b.Topics.Offer(ctx, r.input, r.w.Records(n), r.w.Rate)
		if err != nil {
			cancel(err)
		}
		offered <- err
	}()
	seen := 0
	cpu, began := time.Duration(0), time.Time{}
	err = r.b.Topics.Read(ctx, r.output, 30*time.Second, func(rec *kgo.Record) bool {
		now := time.Now()
		if seen++; seen == n/4 { // the first quarter warms up
			began = now
			cpu, _ = p.CPU()
		}
		if seen > n/4 && len(rec.Value) >= workload.HeaderBytes {
			r.Latencies = append(r.Latencies, time.Duration(now.UnixNano()-int64(binary.BigEndian.Uint64(rec.Value))))
		}
		return seen < n
	})
	cancel(err)
	if oerr := <-offered; err == nil && !errors.Is(oerr, context.Canceled) {
		err = oerr
	}
	if err != nil {
		return err
	}
	after, err := p.CPU()
	if err != nil {
		return err
	}
	slices.Sort(r.Latencies)
	r.Records, r.Wall, r.CPU = int64(len(r.Latencies)), time.Since(began), after-cpu
	r.Outputs, r.Want = int64(seen), int64(n)
	r.Peak, err = p.Peak()
	return err
}

// count counts the committed outputs.
func (r *run) count(ctx context.Context, n int) error {
	switch r.w.Kind {
	case workload.Copy, workload.Count, workload.Join:
		r.Want = int64(n)
	case workload.Dedupe:
		r.Want = int64(r.w.Unique(n))
	default:
		return nil
	}
	r.Outputs = 0
	return r.b.Topics.Read(ctx, r.output, 3*time.Second, func(*kgo.Record) bool {
		r.Outputs++
		return r.Outputs < 2*r.Want
	})
}

// tail returns the end of what the contender said.
func (r *run) tail() string {
	if r.log == nil {
		return ""
	}
	f, err := os.Open(r.log.Name())
	if err != nil {
		return ""
	}
	defer f.Close()
	if s, err := f.Stat(); err == nil && s.Size() > 2000 {
		_, _ = f.Seek(-2000, io.SeekEnd)
	}
	b, _ := io.ReadAll(f)
	if len(b) == 0 {
		return ""
	}
	return "\n" + string(b)
}

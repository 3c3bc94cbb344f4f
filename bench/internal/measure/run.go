package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
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
	// Limit is how long a contender is measured that does not come to the end
	// of the input before; 0: none. Millrace always goes to the end.
	Limit time.Duration
	// Warm is the share of the input that is not counted; default a fifth.
	Warm float64
	// Held, if there is one, holds back all of the input but the first records,
	// for one run: it is released when those are committed and nothing more
	// comes, and from then on the cost is counted, instead of from the share
	// Warm on. So few records suffice for a measurement.
	Held *topics.Held
	// Instances is the number of processes of each contender; default 1.
	Instances int
	Profiles  string // folder for profiles of the contenders in Go; none by default
}

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
	after, done := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer done()
	if w.Kind == workload.RSS { // its topics have names of their own
		err = errors.Join(err, b.Topics.Reset(after, c.Groups(app, w.Kind), rssInput, rssReaders))
	}
	return r.Result, errors.Join(err, b.Topics.Remove(after, app), os.RemoveAll(r.state()))
}

// Input returns the topic of a workload's input.
func Input(w workload.Workload) string {
	if w.Kind == workload.RSS {
		return rssInput
	}
	return "input-" + w.Name + w.Variant
}

// Table returns the topic of the table that a workload joins.
func Table(w workload.Workload) string { return "table-" + w.Name + w.Variant }

// Prepare writes n records of a workload's input, and its table, unless they
// are there, and returns how many the input has.
func (b *Bench) Prepare(ctx context.Context, w workload.Workload, n int) (int, error) {
	if w.Kind == workload.RSS {
		return b.prepareRSS(ctx, n)
	}
	if w.TableBytes > 0 {
		if fresh, err := b.Topics.Make(ctx, Table(w), true); err != nil {
			return 0, err
		} else if fresh {
			if err := b.Topics.Fill(ctx, Table(w), w.Table()); err != nil {
				return 0, err
			}
		}
	}
	fresh, err := b.Topics.Make(ctx, Input(w), false)
	if err != nil || !fresh || w.Rate > 0 {
		return n, err
	}
	return n, b.Topics.Fill(ctx, Input(w), w.Records(n))
}

// Hold writes n records of a workload's input, of which the first share, Warm,
// can be read at once and the others when Run releases them. It is for one run:
// Clear comes after it.
func (b *Bench) Hold(ctx context.Context, w workload.Workload, n int) (err error) {
	if _, err := b.Topics.Make(ctx, Input(w), false); err != nil {
		return err
	}
	records := func(from, to int) iter.Seq[workload.Record] {
		return func(yield func(workload.Record) bool) {
			i := 0
			for r := range w.Records(to) {
				if i++; i > from && !yield(r) {
					return
				}
			}
		}
	}
	first := int(b.Warm * float64(n))
	b.Held, err = b.Topics.Hold(ctx, Input(w), records(0, first), records(first, n))
	return err
}

// Clear removes what Prepare wrote.
func (b *Bench) Clear(ctx context.Context, w workload.Workload) error {
	err := errors.Join(b.Topics.Remove(ctx, Input(w)), b.Topics.Remove(ctx, Table(w)))
	if w.Kind == workload.RSS {
		err = errors.Join(err, b.Topics.Reset(ctx, nil))
	}
	return err
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
	case r.w.Kind == workload.RSS:
		if _, err := r.process(ctx, int64(n), warm, 0); err != nil {
			return err
		}
		return r.failedRSS(ctx)
	}
	limit := r.b.Limit
	if r.c.Whole {
		limit = 0
	}
	from := r.b.Warm
	if from == 0 {
		from = warm
	}
	if end, err := r.process(ctx, int64(n), from, limit); err != nil || !end {
		return err
	}
	return r.count(ctx, n)
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

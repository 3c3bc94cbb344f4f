package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/bench/internal/workload"
)

// process starts the contender, waits until it has committed n records of its
// input and nothing more comes, or for the limit, and notes what that cost from
// the given share of them on. It says whether the contender came to the end.
func (r *run) process(ctx context.Context, n int64, from float64, limit time.Duration) (end bool, err error) {
	m := meter{total: n, from: from, quiet: quiet, limit: limit, began: sample{at: time.Now()}}
	if r.w.Kind == workload.RSS {
		m.quiet = quietSteps
	}
	m.last = m.began
	f, err := r.start()
	if err != nil {
		return false, err
	}
	defer func() {
		if m.cut { // what it has in hand is of no use
			f.kill()
			return
		}
		f.stop()
	}()
	if h := r.b.Held; h != nil {
		if m, err = r.release(ctx, f, limit); err != nil {
			return false, err
		}
	}
	if err := r.watch(ctx, f, m.add); err != nil {
		return false, err
	}
	r.Records, r.Wall, r.CPU = m.last.input-m.began.input, m.last.at.Sub(m.began.at), m.last.cpu-m.began.cpu
	r.Reached, r.Of = m.last.input, n
	r.Peak, err = f.peak()
	if r.Records <= 0 || r.Wall <= 0 {
		return false, fmt.Errorf("the input is too short to measure: all %d records were committed at once", n)
	}
	return !m.cut, err
}

// release waits until the first records of a held input are committed, releases
// the others, and returns the meter for those.
func (r *run) release(ctx context.Context, f fleet, limit time.Duration) (m meter, err error) {
	h := r.b.Held
	first := meter{total: h.First.Sum(), quiet: quiet}
	if err := r.watch(ctx, f, first.add); err != nil {
		return m, fmt.Errorf("before the measurement: %w", err)
	}
	began := first.last
	if began.cpu, err = f.cpu(); err != nil {
		return m, err
	}
	began.at = time.Now()
	m = meter{total: h.All.Sum(), quiet: quiet, limit: limit, first: began.at, began: began, last: began, warmed: true}
	return m, h.Release(ctx)
}

// watch samples the contender until done says so.
func (r *run) watch(ctx context.Context, f fleet, done func(sample) bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	groups := r.c.Groups(r.app, r.w.Kind)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if f.dead() {
			return errors.New("it ended by itself")
		}
		// The processor time first: it must not hold what was used after the commit was seen.
		cpu, err := f.cpu()
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

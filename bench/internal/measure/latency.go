package measure

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/bench/internal/workload"
)

// ErrSlow means that a contender does not keep up with the rate.
var ErrSlow = errors.New("it does not keep up")

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
	defer p.stop()
	offering := time.Duration(n) * time.Second / time.Duration(r.w.Rate)
	ctx, end := context.WithTimeoutCause(ctx, 2*offering+20*time.Second, ErrSlow)
	defer end()
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
			cpu, _ = p.cpu()
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
	if errors.Is(context.Cause(ctx), ErrSlow) {
		return fmt.Errorf("%w: of %d records a second %d of %d came out", ErrSlow, r.w.Rate, seen, n)
	}
	if err != nil {
		return err
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	slices.Sort(r.Latencies)
	r.Records, r.Wall, r.CPU = int64(len(r.Latencies)), time.Since(began), after-cpu
	r.Outputs, r.Want = int64(seen), int64(n)
	r.Peak, err = p.peak()
	return err
}

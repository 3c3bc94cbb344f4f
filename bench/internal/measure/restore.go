package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// restore has the contender process its input, takes its state away, and
// measures from the start of the process until it processes again.
func (r *run) restore(ctx context.Context) error {
	before, err := r.b.Topics.End(ctx, r.input)
	if err != nil {
		return err
	}
	if _, err := r.process(ctx, before, warm, 0); err != nil {
		return fmt.Errorf("filling the table: %w", err)
	}
	if err := errors.Join(os.RemoveAll(r.state()), os.MkdirAll(r.state(), 0o755)); err != nil {
		return err
	}
	// A few records for every partition, as a sign that it is processing again.
	if err := r.b.Topics.Fill(ctx, r.input, r.w.Records(64)); err != nil {
		return err
	}
	if _, err := r.process(ctx, before+64, 0, 0); err != nil {
		return err
	}
	r.Records = int64(r.w.Keys)
	r.Reached, r.Of = r.Records, r.Records
	return nil
}

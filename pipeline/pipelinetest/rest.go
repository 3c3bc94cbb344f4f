package pipelinetest

import (
	"context"
	"fmt"
	"time"
)

// rest waits until all groups have committed all that is in their topics, and no
// timer is to fire: what timers emit is in the topics of others. Nobody tells
// when timers are at rest, so they are looked at again and again.
func (d *Driver) rest(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if err := d.b.settle(ctx, d.service.Groups()); err != nil {
			return err
		}
		if d.service.TimersAtRest() {
			// What fired last may have come after the look at the groups.
			return d.b.settle(ctx, d.service.Groups())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("timers go on firing: %w", context.Cause(ctx))
		}
	}
}

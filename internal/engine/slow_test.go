package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// A commit does not wait for all records that were taken together when their
// handlers take long, but for the one at hand: else a transaction lasts as long as
// they do, and the brokers abort it.
func TestCommitDoesNotWaitForSlowHandlers(t *testing.T) {
	for _, guarantee := range []pipeline.Guarantee{pipeline.ExactlyOnce, pipeline.AtLeastOnce} {
		t.Run(fmt.Sprint(guarantee), func(t *testing.T) {
			l := newLab(t, 1, "in", "out")
			gate := make(chan struct{})
			in, out := pipeline.NewTopic("in", codec.String()), pipeline.NewTopic("out", codec.String())
			p := pipeline.Process("slow")
			result := pipeline.Output(p, out)
			pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
				select {
				case <-gate:
				case <-ctx.Done():
					return ctx.Err()
				}
				result.Emit(ctx, ctx.Key(), v)
				return nil
			})
			for i := range 40 { // fewer than are taken at once
				l.send("in", fmt.Sprint("key-", i))
			}
			s := l.startWith("m", pipeline.New("lab").From(in).To(out).Add(p), func(c *pipeline.Config) {
				c.CommitInterval, c.Guarantee, c.TransactionTimeout = time.Millisecond, guarantee, time.Minute
			})
			committed := func() int64 { return l.Committed("lab-slow")["in"][0] }
			passed := 0
			l.until("a commit after few records", func() bool {
				select {
				case gate <- struct{}{}: // one record at each look
					passed++
				default:
				}
				return committed() > 0
			})
			if passed > 30 {
				t.Errorf("the first commit came after %d of 40 records", passed)
			}
			close(gate)
			l.settled("lab-slow", "in")
			if n := len(l.keys("out")); n != 40 {
				t.Errorf("%d outputs of 40", n)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

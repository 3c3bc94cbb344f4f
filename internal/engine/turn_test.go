package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// When many timers become due at once, the records behind the one that moved stream
// time wait for all of them, or for some if the timers may lag.
func TestRecordsAndTimersTakeTurns(t *testing.T) {
	const many = 2000
	for _, lag := range []bool{false, true} {
		t.Run(fmt.Sprint("lag ", lag), func(t *testing.T) {
			l := newLab(t, 1, "in")
			var mu sync.Mutex
			var order []string
			note := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, what)
			}
			count := func(what string) int {
				mu.Lock()
				defer mu.Unlock()
				return strings.Count(strings.Join(order, " "), what)
			}
			in := pipeline.NewTopic("in", codec.String()).TimedBy(func(v string) (time.Time, error) {
				var second int64
				_, err := fmt.Sscanf(v, "%d", &second)
				return time.Unix(second, 0), err
			})
			p := pipeline.Process("turns")
			timers := pipeline.EventTimers(p, "timers", codec.String())
			if lag {
				timers = timers.MayLag()
			}
			timers.Handle(func(*pipeline.Context, string) error {
				note("fired")
				return nil
			})
			pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
				if strings.HasPrefix(v, "1 ") {
					timers.Set(ctx, ctx.Key(), time.Unix(10, 0), v)
					return nil
				}
				note("record")
				return nil
			})
			for i := range many {
				l.send("in", fmt.Sprint("1 ", i)) // which is the value, too
			}
			for range 100 { // which are fetched together with those
				l.send("in", "20")
			}
			s := l.startWith("m", pipeline.New("lab").From(in).Add(p), func(*pipeline.Config) {})
			l.until("all timers have fired", func() bool { return count("fired") == many && count("record") == 100 })
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			// The first run of timers, after the record that moved stream time.
			before := strings.Count(strings.SplitN(strings.Join(order, " "), "record", 3)[1], "fired")
			switch {
			case !lag && before != many:
				t.Errorf("a record came after %d of %d timers", before, many)
			case lag && (before < 256 || before > many/2):
				t.Errorf("the next record came after %d of %d timers, which may lag; want it after 256 or some more", before, many)
			}
		})
	}
}

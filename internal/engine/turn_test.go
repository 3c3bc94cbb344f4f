package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// turns runs a processor over records whose keys begin with their second, "1" and
// "1 x". Those with an x set a timer at second 10. It returns the keys of records, and
// "fired" for timers, as they are handled; all records are fetched at once.
func turns(t *testing.T, lag bool, keys []string) (order []string) {
	t.Helper()
	l := newLab(t, 1, "in")
	var mu sync.Mutex
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
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
	set := 0
	pipeline.Input(p, in, func(ctx *pipeline.Context, v string) error {
		if strings.Contains(v, " ") {
			timers.Set(ctx, ctx.Key(), time.Unix(10, 0), v)
		}
		note(v)
		return nil
	})
	for _, key := range keys {
		if strings.Contains(key, " ") {
			set++
		}
		l.send("in", key) // which is the value, too
	}
	s := l.startWith("m", pipeline.New("lab").From(in).Add(p), func(*pipeline.Config) {})
	l.until("all to be handled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(order) == len(keys)+set
	})
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return order
}

// setters are keys of records that set a timer each.
func setters(second, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint(second, " ", i))
	}
	return keys
}

// When many timers become due at once, the records behind the one that moved stream
// time wait for all of them, or for some if the timers may lag.
func TestRecordsAndTimersTakeTurns(t *testing.T) {
	const many = 2000
	for _, lag := range []bool{false, true} {
		t.Run(fmt.Sprint("lag ", lag), func(t *testing.T) {
			order := turns(t, lag, append(setters(1, many), slices.Repeat([]string{"20"}, 100)...))
			order = order[slices.Index(order, "20")+1:]
			before := slices.Index(order, "20") // of timers
			switch {
			case !lag && before != many:
				t.Errorf("a record came after %d of %d timers", before, many)
			case lag && (before < 256 || before > many/2):
				t.Errorf("the next record came after %d of %d timers, which may lag; want it after 256 or some more", before, many)
			}
		})
	}
}

// Timers that may lag come before the next record when they are few, also after many
// that have all fired.
func TestFewTimersComeBeforeTheNextRecord(t *testing.T) {
	const turn, few = 256, 50
	keys := append(append(setters(1, turn), "20"), setters(20, few)...) // the last are due at once
	order := turns(t, true, keys)
	for i, what := range order[2*turn+1:] {
		if (what == "fired") != (i%2 == 1) {
			t.Fatalf("a timer did not fire right after the record that set it: %q", order[2*turn+1:])
		}
	}
}

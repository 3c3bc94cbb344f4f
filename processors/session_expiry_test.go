package processors_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/embedded"
	"github.com/millrace/millrace/processors"
	"github.com/millrace/millrace/processors/aggregate"
)

// pulse notes when something was handled, and the longest time between two.
type pulse struct {
	mu      sync.Mutex
	n       int
	last    time.Time
	longest time.Duration
	long    []time.Duration
	wait    int
	reached chan struct{} // closed when n is wait
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.last.IsZero() {
		d := now.Sub(p.last)
		if p.longest = max(p.longest, d); d > 20*time.Millisecond && len(p.long) < 20 {
			p.long = append(p.long, d.Round(time.Millisecond))
		}
	}
	p.last = now
	if p.n++; p.n == p.wait {
		close(p.reached)
	}
}

// until begins to measure, and returns what is closed after n more beats.
func (p *pulse) until(n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait, p.reached, p.longest, p.long, p.last = p.n+n, make(chan struct{}), 0, nil, time.Time{}
	return p.reached
}

// pause returns the longest time between two beats, and the first long ones.
func (p *pulse) pause() (longest time.Duration, long []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longest, slices.Clone(p.long)
}

// brokers returns the addresses in MILLRACE_KAFKA, or starts a broker in this
// process, which has part of its processors' time and memory.
func brokers(t *testing.T, logger *slog.Logger) []string {
	if s := os.Getenv("MILLRACE_KAFKA"); s != "" {
		return strings.Split(s, ",")
	}
	broker, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir(), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return broker.Addresses()
}

// Many sessions close, on a broker and LevelDB: all at once because of one record,
// and then, the same number again, a thousand with each record. MILLRACE_SESSIONS is
// how many, MILLRACE_KAFKA the brokers, if they are to be in processes of their own.
// With a million, nothing may stand still for longer than 50 ms: neither the sessions,
// nor the records that come meanwhile.
func TestManySessionsClose(t *testing.T) {
	n := 3000
	if s := os.Getenv("MILLRACE_SESSIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	var handled, closed, any, idle pulse                     // records, sessions, both; the clock
	app := fmt.Sprintf("sessions-%d", time.Now().UnixNano()) // brokers that go on have those of earlier runs
	in := pipeline.NewTopic(app+"-in", codec.Int64())
	out := pipeline.NewTopic(app+"-out", codec.NewAppend("int64", func(dst []byte, v int64) ([]byte, error) {
		closed.beat()
		any.beat()
		return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
	}, codec.Int64().Decode))
	count := aggregate.Count[int64]()
	first := count.First
	count.First = func(ctx *pipeline.Context, v int64) (int64, error) {
		handled.beat()
		any.beat()
		return first(ctx, v)
	}
	sessions := pipeline.NewTable(app+"-sessions", processors.Panes(codec.Int64()))
	topology := pipeline.New(app).From(in).To(out).Add(
		processors.Window(app+"-w", in, processors.Session(time.Minute), count, sessions, processors.EmitFinal(out)))

	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	cfg := pipeline.Config{Brokers: brokers(t, logger), StateDir: t.TempDir(), Partitions: 1, Logger: logger}
	s, err := pipeline.NewService(topology, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
	run, ended := make(chan error, 1), make(chan struct{})
	go func() {
		run <- s.Run(ctx)
		close(ended)
	}()
	var clock sync.WaitGroup
	clock.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				idle.beat()
			case <-ctx.Done():
				return
			}
		}
	})
	defer func() {
		cancel()
		clock.Wait()
		if err := <-run; err != nil {
			t.Error(err)
		}
	}()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	e, err := pipeline.EmitterOf(s, in)
	if err != nil {
		t.Fatal(err)
	}
	send := func(key string, at time.Time) {
		t.Helper()
		if err := e.EmitAsync(ctx, key, 1, at, nil); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(what string, reached <-chan struct{}) {
		t.Helper()
		if err := e.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case <-reached:
		case <-ctx.Done():
			t.Fatalf("%s: %v; %d records handled, %d sessions closed", what, context.Cause(ctx), handled.n, closed.n)
		case <-ended:
			t.Fatalf("%s: the service has ended", what)
		}
	}
	start := time.Now().Add(-3 * time.Hour) // brokers that go on delete what is older than a week
	open := func(from time.Time, within time.Duration) {
		t.Helper()
		began, done := time.Now(), handled.until(n)
		for i := range n {
			send(fmt.Sprintf("key-%09d", i), from.Add(within*time.Duration(i)/time.Duration(n)))
		}
		wait("open", done)
		longest, _ := handled.pause()
		t.Logf("%d sessions opened in %v, longest pause %v", n, time.Since(began), longest)
	}
	judge := func(what string, began time.Time, p *pulse) {
		t.Helper()
		longest, long := p.pause()
		machine, _ := idle.pause()
		t.Logf("%s: %d sessions closed in %v, longest pause %v (above 20 ms: %v), the clock's %v",
			what, n, time.Since(began).Round(time.Millisecond), longest, long, machine)
		if n >= 1_000_000 && longest > max(50*time.Millisecond, 2*machine) {
			t.Errorf("%s: nothing was handled for %v", what, longest)
		}
	}

	open(start, 0)
	began, done := time.Now(), closed.until(n)
	any.until(n)
	idle.until(0)
	now := start.Add(2 * time.Minute)
	send("now", now)
	stop := goOn(ctx, e, now)
	handled.until(n)
	wait("at once", done)
	// These are sent every 5 ms, and the brokers have to be quick, too.
	longest, long := handled.pause()
	t.Logf("at once, between two records: longest pause %v (above 20 ms: %v)", longest, long)
	judge("at once, between two sessions or records", began, &any)
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	// A second of stream time in which all close, a thousandth of them with each record.
	const steps = 1000
	from := start.Add(time.Hour)
	open(from, time.Second) // which closes that of "now"
	began, done = time.Now(), closed.until(n)
	handled.until(steps)
	any.until(n)
	idle.until(0)
	for i := range steps {
		send(fmt.Sprint("step-", i), from.Add(time.Minute+time.Duration(i+2)*time.Millisecond))
	}
	wait("records that go on", done)
	judge("a thousand with each record, between two records", began, &handled)
	judge("a thousand with each record, between two sessions or records", began, &any)
}

// goOn sends a record every few milliseconds until the function is called that it
// returns. What is sent by then is still on its way.
func goOn(ctx context.Context, e *pipeline.Emitter[int64], at time.Time) (stop func() error) {
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			if err := e.EmitAsync(ctx, fmt.Sprint("tick-", i), 1, at, nil); err != nil {
				ended <- err
				return
			}
			select {
			case <-tick.C:
			case <-done:
				ended <- nil
				return
			}
		}
	}()
	return func() error {
		close(done)
		return <-ended
	}
}

package pipeline_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/pipeline/embedded"
	"github.com/millrace/millrace/pipeline/views"
)

// copying reads orders and writes copies, without state.
func copying() *pipeline.Topology {
	orders, copies := pipeline.NewTopic("orders", codec.String()), pipeline.NewTopic("copies", codec.String())
	p := pipeline.Process("copy")
	out := pipeline.Output(p, copies)
	pipeline.Input(p, orders, func(ctx *pipeline.Context, v string) error { out.Emit(ctx, ctx.Key(), v); return nil })
	return pipeline.New("shop").From(orders).Add(p).To(copies)
}

// The rows of docs/errors.md about brokers that are not there and ports, word
// for word. Those about certificates and passwords need real brokers: package
// transport/kafka has them.
func TestTableOfBadAddresses(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	nobody, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	documented(t, map[string]error{
		"no broker answers at the start": pipeline.Run(limit(t), copying(), pipeline.Config{Brokers: []string{nobody.Addr().String()},
			StateDir: t.TempDir(), ConnectTimeout: 300 * time.Millisecond, Logger: quiet}),
		"port taken": views.Serve(t.Context(), taken.Addr().String(), http.NotFoundHandler(), nil),
	}, nobody.Addr().String(), "HOST:PORT", taken.Addr().String(), "HOST:PORT", "300ms", "30s")
}

// Brokers that go away are said to be away, and waited for: the service goes on
// where it was once they are back.
func TestBrokersThatGoAway(t *testing.T) {
	ctx := limit(t)
	b, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	log := make(said, 1)
	c := pipeline.Config{Brokers: b.Addresses(), StateDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(log, nil))}
	s, err := pipeline.NewService(copying(), c)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-log:
		if !strings.Contains(line, b.Addresses()[0]) || !strings.Contains(line, "shop-copy") {
			t.Errorf("the log says %s", line)
		}
	case <-ctx.Done():
		t.Error("the log does not say that the brokers are away")
	}
	if err := b.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	orders, copies := pipeline.NewTopic("orders", codec.String()), pipeline.NewTopic("copies", codec.String())
	c.Logger = quiet
	e, err := pipeline.NewEmitter(ctx, orders, c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Emit(ctx, "o1", "after"); err != nil {
		t.Fatal(err)
	}
	r, err := pipeline.NewReader(ctx, copies, c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for m, err := range r.Messages(ctx) {
		if err != nil || m.Key != "o1" || m.Value != "after" {
			t.Errorf("read %+v, %v", m, err)
		}
		break
	}
}

// awayRow is what docs/errors.md gives as the message of brokers that go away.
const awayRow = "kafka: the group's session failed; joining again"

// said gets the first line of a log with awayRow.
type said chan string

func (s said) Write(p []byte) (int, error) {
	if line := string(p); strings.Contains(line, awayRow) {
		select {
		case s <- line:
		default:
		}
	}
	return len(p), nil
}

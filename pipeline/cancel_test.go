package pipeline_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// seen is a log that says when a text has come.
type seen struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	came chan struct{}
}

func (s *seen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	if s.want != "" && strings.Contains(s.text.String(), s.want) {
		s.want = ""
		close(s.came)
	}
	return len(b), nil
}

// The end of the context while a start waits for a broker is no failure.
func TestCancelledWhileConnecting(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	in := pipeline.NewTopic("orders", codec.String())
	p := pipeline.Process("count")
	pipeline.Input(p, in, nothing[string])
	log := &seen{want: "no broker answers", came: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- pipeline.Run(ctx, pipeline.New("shop").From(in).Add(p), pipeline.Config{Brokers: []string{address}, StateDir: t.TempDir(),
			ConnectTimeout: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil))})
	}()
	select {
	case <-log.came:
	case err := <-ended:
		t.Fatalf("it ended by itself: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("a run that was cancelled while it waited for a broker returned: %v", err)
	}
}

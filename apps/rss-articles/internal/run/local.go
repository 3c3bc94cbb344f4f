package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
)

// local serves the sample feeds on a loopback port of their own, so that they
// are fetched as all others are. The port is remembered, since subscriptions are
// by address; so is the first start, since items appear by and by after it.
type local struct {
	listener net.Listener
	handler  http.Handler
}

func openLocal(ctx context.Context, s *state) (*local, error) {
	var config net.ListenConfig
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.memory.Port))
	l, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("sample feeds: port %d, where they were served before, is taken: stop what uses it, or start with another -state: %w", s.memory.Port, err)
	} else if err != nil {
		return nil, fmt.Errorf("sample feeds: %w", err)
	}
	s.memory.Port = l.Addr().(*net.TCPAddr).Port
	if s.memory.Started.IsZero() {
		s.memory.Started = time.Now().UTC()
	}
	samples, err := sample.HandlerSince(s.memory.Started, time.Now)
	if err == nil {
		err = s.save()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &local{l, samples}, nil
}

// base is the beginning of all addresses on the local server.
func (l *local) base() string { return "http://" + l.listener.Addr().String() }

// isLocal says whether a feed is one of the local server's.
func (s *state) isLocal(address string) bool {
	return s.memory.Port != 0 && strings.HasPrefix(address, fmt.Sprintf("http://127.0.0.1:%d/", s.memory.Port))
}

func (l *local) serve(ctx context.Context) error {
	server := &http.Server{Handler: l.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l.listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		err := server.Close() // the fetcher has ended
		<-done
		return err
	}
}

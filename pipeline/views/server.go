package views

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Server serves a handler with bounds on sizes, times and connections. The
// zero value of a field is its default.
type Server struct {
	// Address is where to listen, as host:port. Without a host, such as
	// ":8080", it is the loopback: name 0.0.0.0 to be reached from elsewhere.
	Address string
	// Handler answers what the fields below do not: it is Handler, or a mux
	// with it.
	Handler http.Handler
	// Metrics answers GET /metrics, if set.
	Metrics http.Handler
	// Profiling serves net/http/pprof below /debug/pprof/. It shows the
	// inside of the process and costs time: protect it with a Token.
	Profiling bool

	// Token is wanted as "Authorization: Bearer" of every request, if set; see
	// RequireToken.
	Token string
	// Open are the paths that need no Token. Default: none. An orchestrator
	// wants /healthz and /readyz.
	Open []string
	// CertFile and KeyFile are PEM files of a certificate with its chain and
	// of its key, for TLS 1.2 or newer. A change of the files is taken up
	// within a second, or logged when they do not fit. Default: no TLS.
	CertFile, KeyFile string

	// MaxConnections bounds the connections; others wait. Default 1024.
	MaxConnections int
	// Logger gets what goes wrong. Default: slog.Default().
	Logger *slog.Logger
	// Started is called with the address once the server listens.
	Started func(net.Addr)
}

// Serve is Server.Run with an address, a handler and Started, which may be nil.
func Serve(ctx context.Context, address string, h http.Handler, started func(net.Addr)) error {
	return Server{Address: address, Handler: h, Started: started}.Run(ctx)
}

// Run serves until ctx ends, then lets requests finish for a short time;
// streams of changes end at once.
func (s Server) Run(ctx context.Context) error {
	if s.Logger == nil {
		s.Logger = slog.Default()
	}
	if s.MaxConnections <= 0 {
		s.MaxConnections = 1024
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return fmt.Errorf("http: address %q: %w", s.Address, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	config, err := s.tls()
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("http: cannot listen at %s; stop what uses it, or choose another: %w", s.Address, err)
	}
	address := l.Addr()
	l = netutil.LimitListener(l, s.MaxConnections)
	if config != nil {
		l = tls.NewListener(l, config)
	} else if ip := net.ParseIP(host); s.Token != "" && (ip == nil || !ip.IsLoopback()) && host != "localhost" {
		s.Logger.Warn("http: the token is sent in the clear; set CertFile and KeyFile, or put a proxy with TLS in front", "address", s.Address)
	}
	if s.Started != nil {
		s.Started(address)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler:           http.MaxBytesHandler(s.handler(), 1<<20),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(errorLog{s.Logger}, "", 0),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	cancel() // streams end
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	err = srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	return err
}

// handler puts the parts together.
func (s Server) handler() http.Handler {
	h := s.Handler
	if s.Metrics != nil || s.Profiling {
		mux := http.NewServeMux()
		mux.Handle("/", h)
		if s.Metrics != nil {
			mux.Handle("GET /metrics", s.Metrics)
		}
		if s.Profiling {
			mux.HandleFunc("GET /debug/pprof/", pprof.Index)
			mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
			mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
			mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
			mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		}
		h = mux
	}
	if s.Token != "" {
		h = RequireToken(h, s.Token, s.Open...)
	}
	return h
}

// errorLog takes what net/http logs. Handshakes that fail and clients that
// break off are at level debug: anybody can cause them, as often as he likes.
type errorLog struct{ log *slog.Logger }

var _ io.Writer = errorLog{}

func (l errorLog) Write(b []byte) (int, error) {
	level, line := slog.LevelDebug, strings.TrimSpace(string(b))
	if strings.Contains(line, "panic") || strings.Contains(line, "Accept error") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "http: "+line)
	return len(b), nil
}

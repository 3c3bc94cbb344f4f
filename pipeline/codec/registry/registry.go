package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Registry talks to a schema registry. It is safe for concurrent use, and
// shared by the codecs of a program. It connects when it is first needed.
type Registry struct {
	cfg    Config
	client *sr.Client
	idle   func() // closes connections that are not in use

	ctx    context.Context // of requests; ends with Close
	cancel context.CancelFunc

	mu   sync.Mutex
	away failed // set while the registry is left alone
}

// New makes a Registry. All that is wrong with the configuration is reported
// at once.
func New(c Config) (*Registry, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	transport, idle := c.Transport, func() {}
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		if c.TLS != nil {
			own.TLSClientConfig = c.TLS.Clone()
		}
		transport, idle = own, own.CloseIdleConnections
	}
	opts := []sr.ClientOpt{
		sr.URLs(trim(c.URLs)...), sr.UserAgent("millrace"), sr.LogLevel(sr.LogLevelNone),
		sr.HTTPClient(&http.Client{Transport: bounded{transport, c.SchemaBytes}}),
	}
	switch {
	case c.Token != "":
		opts = append(opts, sr.BearerToken(c.Token))
	case c.Username != "" || c.Password != "":
		opts = append(opts, sr.BasicAuth(c.Username, c.Password))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	r := &Registry{cfg: c, client: client, idle: idle}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// Close ends requests that are under way and closes the connections. Codecs of
// the registry go on with what they know.
func (r *Registry) Close() {
	r.cancel()
	r.idle()
}

// ask sends requests within the timeout, unless the registry is left alone.
func (r *Registry) ask(ctx context.Context, f func(ctx context.Context) error) error {
	if err := r.leftAlone(); err != nil {
		return err
	}
	return r.try(ctx, f)
}

func (r *Registry) try(ctx context.Context, f func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, r.cfg.Timeout, fmt.Errorf("no answer within %v", r.cfg.Timeout))
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	err := classify(f(bounded))
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		if bounded.Err() != nil {
			err = unavailable(fmt.Errorf("%w: %w", context.Cause(bounded), err))
		}
		r.mu.Lock()
		r.away = failed{err, r.cfg.Now().Add(r.cfg.RetryAfter)}
		r.mu.Unlock()
	}
	return err
}

// leftAlone returns the last failure while the registry is not to be asked.
func (r *Registry) leftAlone() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cfg.Now().Before(r.away.until) {
		return r.away.err
	}
	return nil
}

// patiently asks until the registry answers or ctx ends.
func (r *Registry) patiently(ctx context.Context, f func(ctx context.Context) error) error {
	for {
		err := r.try(ctx, f)
		if !errors.Is(err, ErrUnavailable) {
			return err
		}
		timer := time.NewTimer(r.cfg.RetryAfter)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-r.ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// bounded bounds the bytes of answers.
type bounded struct {
	http.RoundTripper
	max int64
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, b.max}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

var errTooLong = errors.New("the answer is longer than SchemaBytes")

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

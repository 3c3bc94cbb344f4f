package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"

	"github.com/millrace/millrace/internal/transport"
)

// patience is how long an answer is doubted that is wrong for a moment after a
// topic was created or a broker started: that there is no such topic, or not
// enough brokers.
const patience = 2 * time.Second

// admin is the connection for administration. It is made when first needed,
// and again when it broke.
type admin struct {
	cfg    Config
	dialer *dialer
	calls  sync.WaitGroup // attempts, which may outlive their callers

	dialing sync.Mutex // held while a connection is made

	mu      sync.Mutex
	conn    *connection
	reached bool // a broker has answered
	closed  bool
}

// connection is a sarama client with its administration.
type connection struct {
	sarama.ClusterAdmin
	client sarama.Client
}

func newAdmin(cfg Config) *admin { return &admin{cfg: cfg, dialer: newDialer(cfg)} }

// config is sarama's. It asks for no newer versions of requests than a broker
// has (ApiVersions), so the version here is only the newest to use: one that
// knows topic ids (KIP-516).
func (a *admin) config() *sarama.Config {
	sc := sarama.NewConfig()
	sc.Version = sarama.V4_0_0_0
	sc.ClientID = a.cfg.ClientID
	sc.Metadata.RefreshFrequency = 0 // what is stale is found out by requests that fail
	sc.Metadata.Retry.Max = 0        // what is tried again is decided here
	sc.Metadata.AllowAutoTopicCreation = false
	sc.Admin.Retry.Max = 1
	sc.Admin.Timeout = 15 * time.Second
	sc.Net.Proxy.Enable, sc.Net.Proxy.Dialer = true, a.dialer
	a.cfg.SASL.configure(sc)
	sc.Net.ReadTimeout = 20 * time.Second
	sc.Net.WriteTimeout = 10 * time.Second
	return sc
}

// call makes a request, and again after errors that pass, for as long as ctx
// lets (see retry for the exceptions). sarama's calls know no context: one that
// is under way when ctx ends goes on in a goroutine that close waits for, and
// what it returns is dropped.
func call[T any](ctx context.Context, a *admin, what string, f func(*connection) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var zero T
	began := time.Now()
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return zero, fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		results := make(chan result, 1)
		if !a.begin() {
			return zero, fmt.Errorf("%s: %w", what, transport.ErrClosed)
		}
		go func() {
			defer a.calls.Done()
			var r result
			conn, err := a.connect()
			if err == nil {
				r.value, err = f(conn)
			}
			broken := a.learn(conn, err)
			r.err = err
			results <- r
			if broken != nil { // sarama waits for other requests that are under way
				_ = broken.Close()
			}
		}()
		var r result
		select {
		case r = <-results:
		case <-ctx.Done():
			return zero, fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		if r.err == nil {
			return r.value, nil
		}
		err := a.explain(what, r.err)
		if !a.retry(r.err, time.Since(began)) {
			return zero, err
		}
		if n == 5 {
			a.cfg.Logger.Warn("kafka: a request is tried again and again", "request", what, "error", r.err)
		}
		if !wait(ctx, min(backoff(n), time.Second)) {
			return zero, fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
	}
}

// retry says whether a request that failed is to be made again.
func (a *admin) retry(err error, elapsed time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return false
	case unreachable(err):
		return a.reached || elapsed < a.cfg.ConnectTimeout
	case is(err, sarama.ErrUnknownTopicOrPartition, sarama.ErrInvalidReplicationFactor):
		return elapsed < patience
	}
	return is(err, sarama.ErrLeaderNotAvailable, sarama.ErrNotLeaderForPartition, sarama.ErrNotController,
		sarama.ErrControllerNotAvailable, sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable,
		sarama.ErrReplicaNotAvailable, sarama.ErrNotEnoughReplicas, sarama.ErrNetworkException,
		sarama.ErrOffsetsLoadInProgress, sarama.ErrConsumerCoordinatorNotAvailable, sarama.ErrNotCoordinatorForConsumer,
		sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrOffsetNotAvailable)
}

func is(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// begin counts an attempt, unless admin is closed.
func (a *admin) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.calls.Add(1)
	}
	return !a.closed
}

// connect returns the connection, making it if there is none.
func (a *admin) connect() (*connection, error) {
	a.dialing.Lock()
	defer a.dialing.Unlock()
	a.mu.Lock()
	conn, closed := a.conn, a.closed
	a.mu.Unlock()
	if closed {
		return nil, transport.ErrClosed
	}
	if conn != nil {
		return conn, nil
	}
	var addresses []string
	for _, b := range a.cfg.Brokers {
		addresses = append(addresses, withPort(b))
	}
	client, err := sarama.NewClient(addresses, a.config())
	if err != nil {
		return nil, err
	}
	ca, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	conn = &connection{ca, client}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errors.Join(transport.ErrClosed, conn.Close())
	}
	a.conn = conn
	return conn, nil
}

// learn notes what an attempt says of its connection. One that broke is
// dropped and returned, unless another attempt has replaced it already.
func (a *admin) learn(conn *connection, err error) (broken *connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !unreachable(err):
		a.reached = a.reached || !errors.Is(err, transport.ErrClosed)
	case conn != nil && a.conn == conn:
		a.conn = nil
		return conn
	}
	return nil
}

func (a *admin) close() error {
	a.mu.Lock()
	conn := a.conn
	a.conn, a.closed = nil, true
	a.mu.Unlock()
	a.dialer.close() // ends the calls that are under way
	var err error
	if conn != nil {
		if err = conn.Close(); errors.Is(err, sarama.ErrClosedClient) {
			err = nil
		}
	}
	a.calls.Wait()
	return err
}

// unreachable says whether an error means that no broker answered or that a
// connection broke.
func unreachable(err error) bool {
	var netErr net.Error
	return is(err, sarama.ErrOutOfBrokers, sarama.ErrClosedClient, sarama.ErrNotConnected, io.EOF, io.ErrUnexpectedEOF,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed) || errors.As(err, &netErr)
}

// explain adds what was asked for, and of whom if nobody answered.
func (a *admin) explain(what string, err error) error {
	a.mu.Lock()
	closed := a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return fmt.Errorf("%s: %w", what, transport.ErrClosed)
	case unreachable(err):
		return fmt.Errorf("%s: no broker answers at %s; check the addresses and that Kafka runs: %w", what, a.cfg.addresses(), err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

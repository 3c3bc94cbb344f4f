package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/kafka"
)

// Why no broker can be used; test with errors.Is. The error names the address
// and what to do. ErrTLS and ErrAuthentication end a start at once; that nobody
// answers, only after Config.ConnectTimeout.
var (
	ErrUnreachable    = transport.ErrUnreachable
	ErrTLS            = transport.ErrTLS
	ErrAuthentication = transport.ErrAuthentication
)

// ErrInstanceIDTaken ends a run: another process has the same Config.InstanceID
// and has taken over. Give each process its own.
var ErrInstanceIDTaken = transport.ErrInstanceIDTaken

// Compression is how batches of records are compressed.
type Compression = transport.Compression

// The compressions that Kafka knows. None of them needs cgo.
const (
	CompressionNone   = transport.CompressionNone
	CompressionGzip   = transport.CompressionGzip
	CompressionSnappy = transport.CompressionSnappy
	CompressionLZ4    = transport.CompressionLZ4
	CompressionZstd   = transport.CompressionZstd
)

// kafka returns the transport's configuration. The configuration is valid.
func (c Config) kafka(clientID string) (kafka.Config, error) {
	tlsConfig, terrs := c.TLS.config()
	sasl, serrs := c.SASL.config()
	for _, e := range append(terrs, serrs...) {
		return kafka.Config{}, fmt.Errorf("%w: %s: %w", ErrConfig, e.field, e.err) // a file has changed since
	}
	return kafka.Config{Brokers: c.Brokers, ClientID: clientID, Logger: c.Logger, TLS: tlsConfig, SASL: sasl,
		Rack: c.Rack, Compression: c.Compression, ConnectTimeout: c.WithDefaults().ConnectTimeout,
		SessionTimeout: c.WithDefaults().SessionTimeout}, nil
}

// connect returns the cluster of the configuration once a broker has answered,
// and what closes it.
// peerAddress is the configuration's for a service, and none for others.
func (c Config) connect(ctx context.Context, clientID, peerAddress string) (transport.Cluster, func() error, error) {
	var given engine.Config
	for _, f := range c.tweak {
		f(&given)
	}
	if given.Cluster != nil {
		return given.Cluster, func() error { return nil }, nil
	}
	cluster, err := c.connectKafka(ctx, clientID, peerAddress)
	if err != nil {
		return nil, nil, err
	}
	return cluster, cluster.Close, nil
}

// Cluster connects to the brokers, with the TLS and the authentication of the
// configuration, once one has answered. It is for the packages of this module,
// such as tools, and not part of the API.
func (c Config) Cluster(ctx context.Context) (*kafka.Cluster, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.connectKafka(ctx, c.ClientID, "")
}

func (c Config) connectKafka(ctx context.Context, clientID, peerAddress string) (*kafka.Cluster, error) {
	kc, err := c.kafka(clientID)
	if err != nil {
		return nil, err
	}
	kc.PeerAddress = peerAddress
	cluster, err := kafka.New(ctx, kc)
	if err != nil {
		return nil, err
	}
	if err := c.awaitBroker(ctx, cluster, kc.ConnectTimeout); err != nil {
		return nil, errors.Join(err, cluster.Close())
	}
	return cluster, nil
}

// awaitBroker tries until a broker answers, unless waiting would not help.
func (c Config) awaitBroker(ctx context.Context, cluster *kafka.Cluster, patience time.Duration) error {
	log := c.Logger
	if log == nil {
		log = slog.Default()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no broker answered within ConnectTimeout, %v", patience))
	defer cancel()
	for delay := 250 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		err := cluster.Ping(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrTLS), errors.Is(err, ErrAuthentication):
			return fmt.Errorf("connect: %w", err)
		case ctx.Err() != nil:
			return fmt.Errorf("connect: %w: %w", context.Cause(ctx), err)
		}
		log.Warn("no broker answers; it is tried again", "error", err, "in", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return fmt.Errorf("connect: %w: %w", context.Cause(ctx), err)
		}
	}
}

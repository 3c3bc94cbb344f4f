package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
)

// Config configures a cluster's clients.
type Config struct {
	Brokers  []string
	ClientID string
	Logger   *slog.Logger // default slog.Default()

	SessionTimeout   time.Duration // of group members; default 10 s
	RebalanceTimeout time.Duration // for revocations; default 60 s
}

// Cluster is a transport.Cluster. It is safe for concurrent use.
type Cluster struct {
	cfg Config

	mu      sync.Mutex
	admin   sarama.ClusterAdmin // made when first needed, and again when it broke
	client  sarama.Client
	readers []*tableClient
	closed  bool
}

var _ transport.Cluster = (*Cluster)(nil)

// New returns a cluster. It does not connect: the first use does, and later
// ones do again after an outage.
func New(_ context.Context, cfg Config) (*Cluster, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("kafka: no broker address")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.SessionTimeout <= 0 {
		cfg.SessionTimeout = 10 * time.Second
	}
	if cfg.RebalanceTimeout <= 0 {
		cfg.RebalanceTimeout = time.Minute
	}
	return &Cluster{cfg: cfg}, nil
}

// Close implements transport.Cluster.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	readers := c.readers
	c.readers = nil
	err := c.dropAdmin()
	c.mu.Unlock()
	for _, r := range readers {
		r.close()
	}
	return err
}

// options are what all franz-go clients share.
func (c *Cluster) options(clientID string) []kgo.Opt {
	if clientID == "" {
		clientID = c.cfg.ClientID
	}
	if clientID == "" {
		clientID = "millrace"
	}
	return []kgo.Opt{
		kgo.SeedBrokers(c.cfg.Brokers...),
		kgo.ClientID(clientID),
		kgo.WithLogger(logger{c.cfg.Logger}),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(func(n int) time.Duration {
			return min(50*time.Millisecond<<min(n, 6), 2*time.Second)
		}),
		kgo.DialTimeout(5 * time.Second),
	}
}

// logger passes franz-go's warnings and errors on; the rest is debugging.
type logger struct{ log *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug-4) {
		return kgo.LogLevelDebug
	}
	return kgo.LogLevelWarn
}

func (l logger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	to := slog.LevelDebug
	if level == kgo.LogLevelError {
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka: "+msg, keyvals...)
}

// unreachable says whether an error means that a connection is broken, so that
// a new client may do better.
func unreachable(err error) bool {
	var netErr net.Error
	return errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrClosedClient) || errors.Is(err, sarama.ErrNotConnected) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &netErr)
}

func (c *Cluster) addresses() string { return strings.Join(c.cfg.Brokers, ", ") }

func (c *Cluster) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	if unreachable(err) {
		return fmt.Errorf("%s: no broker answers at %s: %w", what, c.addresses(), err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

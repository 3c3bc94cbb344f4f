package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Config configures a broker.
type Config struct {
	// Dir is the folder for its data, which it has to itself. Default: a
	// temporary folder, which Close removes.
	Dir string
	// Host is the address to listen on, which must be of the loopback.
	// Default 127.0.0.1.
	Host string
	// Port is the TCP port. Default 0: any that is free.
	Port int
	// Logger gets what happens. Default slog.Default().
	Logger *slog.Logger
}

// ErrLocked says that another broker has the data folder.
var ErrLocked = errors.New("data folder is in use by another embedded broker")

// ErrPort says that the port is taken.
var ErrPort = errors.New("port is taken")

func (c Config) validate() error {
	var errs []error
	if ip := net.ParseIP(c.Host); ip == nil || !ip.IsLoopback() {
		errs = append(errs, fmt.Errorf("Host: %q is not a loopback address: the embedded broker has no authentication", c.Host))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("Port: %d is not a port", c.Port))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embedded broker: %w", err)
	}
	return nil
}

// Broker is a running broker. It is safe for concurrent use.
type Broker struct {
	cluster   *kfake.Cluster
	addresses []string
	lock      *flock.Flock
	temporary string // the folder to remove
	log       *slog.Logger
	close     sync.Once
	closeErr  error
}

// Start starts a broker and returns when it takes clients. What an earlier one
// left in the folder is there again; transactions that were open when that was
// killed are aborted first.
func Start(ctx context.Context, c Config) (_ *Broker, err error) {
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	b := &Broker{log: c.Logger}
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "millrace-broker-"); err != nil {
			return nil, fmt.Errorf("embedded broker: %w", err)
		}
		b.temporary = dir
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	open, err := openTransactions(data)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: read %s: %w", data, err)
	}
	gate := newGate(len(open) > 0)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(c.Port),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			l, err := net.Listen(network, net.JoinHostPort(c.Host, port))
			if err != nil {
				return nil, err
			}
			return gate.listen(l), nil
		}),
		kfake.DataDir(data),
		kfake.BrokerConfigs(settings),
		kfake.WithLogger(brokerLogger{c.Logger}),
	)
	if err != nil {
		gate.open()
		var op *net.OpError
		if c.Port != 0 && errors.As(err, &op) {
			return nil, fmt.Errorf("embedded broker: %w: %d: stop what uses it, or choose another: %w", ErrPort, c.Port, err)
		}
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b.cluster = cluster
	for _, a := range cluster.ListenAddrs() {
		_, port, err := net.SplitHostPort(a)
		if err != nil {
			return nil, fmt.Errorf("embedded broker: %w", err)
		}
		b.addresses = append(b.addresses, net.JoinHostPort(c.Host, port))
	}
	if len(open) > 0 {
		if err := abortTransactions(ctx, gate, b.addresses, open); err != nil {
			return nil, fmt.Errorf("embedded broker: abort the transactions that were open: %w", err)
		}
		c.Logger.Info("embedded broker aborted transactions that were left open", "partitions", len(open))
	}
	gate.open()
	c.Logger.Warn("embedded broker started: for development and tests only, one replica, no authentication",
		"address", b.addresses[0], "folder", dir)
	return b, nil
}

// settings are the broker's. Nothing is ever deleted or compacted: kfake
// compacts by deleting before it writes, so a kill in between would lose a
// partition, and it starts a partition that it expired at offset 0 again.
var settings = map[string]string{
	"log.retention.ms":                 "-1",
	"log.retention.bytes":              "-1",
	"log.cleaner.backoff.ms":           strconv.FormatInt(1<<40, 10), // 34 years
	"offsets.retention.minutes":        strconv.Itoa(1 << 30),
	"group.initial.rebalance.delay.ms": "0",
	"auto.create.topics.enable":        "false",
}

// Addresses returns the bootstrap addresses.
func (b *Broker) Addresses() []string { return append([]string(nil), b.addresses...) }

// Close stops the broker and saves its state. A second call does nothing.
func (b *Broker) Close() error {
	b.close.Do(func() {
		if b.cluster != nil {
			b.cluster.Close()
		}
		var errs []error
		if b.lock != nil {
			errs = append(errs, b.lock.Unlock())
		}
		if b.temporary != "" {
			errs = append(errs, os.RemoveAll(b.temporary))
		}
		b.closeErr = errors.Join(errs...)
	})
	return b.closeErr
}

// Cluster returns kfake's cluster, to inject faults in tests of this module.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// lockFolder makes sure that no other broker has the folder: two would destroy
// each other's data.
func lockFolder(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded broker: data folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "broker.lock"))
	switch ok, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("embedded broker: lock %s: %w", dir, err)
	case !ok:
		return nil, fmt.Errorf("embedded broker: %s: %w: stop that one, or use another folder", dir, ErrLocked)
	}
	return lock, nil
}

// brokerLogger passes on what kfake warns of.
type brokerLogger struct{ log *slog.Logger }

func (l brokerLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
	case kfake.LogLevelWarn:
		to = slog.LevelDebug
	}
	if l.log.Enabled(context.Background(), to) {
		l.log.Log(context.Background(), to, "embedded broker: "+fmt.Sprintf(format, args...))
	}
}

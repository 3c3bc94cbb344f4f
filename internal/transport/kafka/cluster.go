package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/peers"
)

// Cluster is a [transport.Cluster]. It is safe for concurrent use.
type Cluster struct {
	cfg    Config
	admin  *admin
	tables *tables
	limits *limits
	peers  *peers.Listener // nil without Config.PeerAddress
}

var _ transport.Cluster = (*Cluster)(nil)

// New returns a cluster, or everything that is wrong with its configuration.
// It does not connect: the first use does, and later ones do again after an
// outage. With a PeerAddress it listens there until Close.
func New(_ context.Context, cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, admin: newAdmin(cfg), limits: newLimits()}
	if cfg.PeerAddress != "" {
		var err error
		if c.peers, err = peers.Listen(cfg.PeerAddress); err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
	}
	c.tables = newTables(c)
	return c, nil
}

// Close implements [transport.Cluster]. It ends requests and table reads that
// are under way, with [transport.ErrClosed], and may be called again.
func (c *Cluster) Close() error {
	err := errors.Join(c.tables.close(), c.admin.close())
	if c.peers != nil {
		err = errors.Join(err, c.peers.Close())
	}
	return err
}

// options are what all franz-go clients share.
func (c *Cluster) options(clientID string) []kgo.Opt {
	if clientID == "" {
		clientID = c.cfg.ClientID
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.cfg.Brokers...),
		kgo.ClientID(clientID),
		kgo.WithLogger(logger{c.cfg.Logger}),
		// What makes a client ask for metadata, such as a leader that moved,
		// holds up records: the default of 5 s is too long.
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(backoff),
		kgo.Dialer(c.cfg.dial),
	}
	if m := c.cfg.SASL.mechanism(); m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	if c.cfg.Rack != "" {
		opts = append(opts, kgo.Rack(c.cfg.Rack))
	}
	return opts
}

// backoff is how long to wait before the n-th try of what failed, from 1 on.
func backoff(n int) time.Duration {
	return min(25*time.Millisecond<<min(n, 7), 2*time.Second)
}

// wait waits, and says whether it was not cut short.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c Config) addresses() string { return strings.Join(c.Brokers, ", ") }

// closed translates franz-go's error of a closed client.
func closed(err error) error {
	if errors.Is(err, kgo.ErrClientClosed) {
		return transport.ErrClosed
	}
	return err
}

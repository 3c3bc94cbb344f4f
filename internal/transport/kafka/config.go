package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/peers"
)

// Config configures a cluster's clients.
type Config struct {
	// Brokers are the addresses to begin with, host:port; the port is 9092 if
	// it is left out. The other brokers are learned from them. Required.
	Brokers []string
	// ClientID is shown in the brokers' logs and quotas. Default "millrace".
	// A GroupConfig's or ProducerConfig's own comes first.
	ClientID string
	// TLS encrypts the connections and says whom to trust. A ServerName that
	// is empty is the host of the address. Default: no TLS.
	TLS *tls.Config
	// SASL authenticates. Default: not.
	SASL SASL
	// Rack is where this client is, in the words of the brokers' broker.rack:
	// it then fetches from a replica there, if the brokers have a
	// replica.selector.class (KIP-392). Default: from leaders.
	Rack string
	// Compression of what is produced. Default: none.
	Compression transport.Compression
	// Logger gets what the clients have to say: their errors as warnings, the
	// rest as debugging. Default slog.Default().
	Logger *slog.Logger

	// SessionTimeout is how long a group waits for a member that is not heard
	// of before its partitions go to others. The brokers bound it from below
	// (group.min.session.timeout.ms, 6 s). Default 10 s, at least 1 s.
	SessionTimeout time.Duration
	// PeerAddress is where the other members of the groups watch this process,
	// host:port; see package peers. It is told to them, and has to be the
	// process's own. Members with an InstanceID are not watched. Default: nobody
	// listens, and a member that dies is missed when its session times out.
	PeerAddress string
	// RebalanceTimeout is how long a group waits for a member that is asked to
	// give up partitions, that is for its Revoked. Default 60 s, at least
	// SessionTimeout.
	RebalanceTimeout time.Duration
	// ConnectTimeout bounds how long administration looks for a broker before
	// any has answered: a wrong address is an error, not a wait. Once a broker
	// has answered, outages are waited out for as long as the context lets.
	// Default 30 s.
	ConnectTimeout time.Duration
	// Dial connects to a broker, such as by way of a proxy; TLS is spoken over
	// the connection that it returns. It may be called concurrently. Default: a
	// net.Dialer's DialContext, with a timeout of 5 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// heartbeatInterval is how soon a member learns of a rebalance: the broker
// tells it in the answer to a heartbeat.
const heartbeatInterval = 300 * time.Millisecond

func (c Config) withDefaults() Config {
	if c.ClientID == "" {
		c.ClientID = "millrace"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.SessionTimeout == 0 {
		c.SessionTimeout = 10 * time.Second
	}
	if c.RebalanceTimeout == 0 {
		c.RebalanceTimeout = max(time.Minute, c.SessionTimeout)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 30 * time.Second
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return c
}

// validate returns everything that is wrong.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 {
		bad("Brokers is empty: give the address of at least one broker, as host:port")
	}
	for i, b := range c.Brokers {
		if err := checkAddress(b); err != nil {
			bad("Brokers[%d] is %q: %w", i, b, err)
		}
	}
	if c.SessionTimeout < time.Second {
		bad("SessionTimeout is %s, must be at least 1s, and as long as the brokers' group.min.session.timeout.ms", c.SessionTimeout)
	}
	if c.RebalanceTimeout < c.SessionTimeout {
		bad("RebalanceTimeout is %s, must be at least SessionTimeout, %s", c.RebalanceTimeout, c.SessionTimeout)
	}
	if err := c.SASL.validate(); err != nil {
		bad("%w", err)
	}
	if _, err := codecs(c.Compression); err != nil {
		bad("%w", err)
	}
	if c.PeerAddress != "" {
		if err := peers.CheckAddress(c.PeerAddress); err != nil {
			bad("PeerAddress is %q: %w", c.PeerAddress, err)
		}
	}
	if c.ConnectTimeout < 0 {
		bad("ConnectTimeout is %s, must not be negative", c.ConnectTimeout)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("kafka: configuration: %w", err)
	}
	return nil
}

func checkAddress(a string) error {
	host, port, err := net.SplitHostPort(withPort(a))
	if err != nil {
		return fmt.Errorf("not host:port: %w", err)
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	return nil
}

// withPort adds Kafka's port to an address without one: sarama needs it.
func withPort(a string) string {
	if _, _, err := net.SplitHostPort(a); err != nil {
		if host, _, err := net.SplitHostPort(a + ":9092"); err == nil && host != "" {
			return a + ":9092"
		}
	}
	return a
}

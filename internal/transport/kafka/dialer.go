package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 10 * time.Second
)

// dial connects to a broker, with TLS if it is configured: for both clients, so
// that their errors are the same.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.Dial(ctx, network, address)
	if err != nil || c.TLS == nil {
		return conn, err
	}
	tc := c.TLS.Clone()
	if tc.ServerName == "" {
		if tc.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	tlsConn := tls.Client(conn, tc)
	if err := tlsConn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, tlsError(address, err)
	}
	return tlsConn, nil
}

// tlsError explains a failed handshake.
func tlsError(address string, err error) error {
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		e         = &transport.ConnectError{Address: address, Kind: transport.ErrTLS, Err: err}
	)
	switch {
	case errors.As(err, &authority):
		e.Remedy = "the broker's certificate is not signed by an authority that is trusted: give that authority's certificate as TLS.CAFile"
	case errors.As(err, &name):
		e.Remedy = "the broker's certificate is for other names: use one of them as the address, or give it as TLS.ServerName"
	case errors.As(err, &invalid):
		e.Remedy = "the broker's certificate is not valid: renew it, and compare the clocks"
	case refused(err):
		e.Remedy = "the broker refused: check TLS.CertFile and TLS.KeyFile, and that the broker trusts who signed the certificate"
	case errors.As(err, &record), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		e.Remedy = "the broker does not seem to speak TLS at this port: switch TLS off, or use the port of a listener with TLS"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.Kind = transport.ErrUnreachable
		e.Remedy = "check the address, and that the port speaks TLS"
	default:
		e.Remedy = "check the TLS settings of the client and of the broker's listener"
	}
	return e
}

// refused says whether the broker ended a handshake with an alert. With TLS 1.3
// a client hears of it when it reads for the first time.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" // crypto/tls has no type for it
}

// dialer makes sarama's connections and can break them all. A sarama client
// that is closed waits for the answers to its requests, for as long as its read
// timeout; one whose connections broke does not.
type dialer struct {
	cfg   Config
	ctx   context.Context // ends the connections; a dial has no other way to be told
	close context.CancelFunc
}

func newDialer(cfg Config) *dialer {
	d := &dialer{cfg: cfg}
	d.ctx, d.close = context.WithCancel(context.Background())
	return d
}

// Dial implements the dialer of sarama's Net.Proxy.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.cfg.dial(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &breakable{conn, context.AfterFunc(d.ctx, func() { _ = conn.Close() })}, nil
}

// breakable is a connection that its dialer can break.
type breakable struct {
	net.Conn
	forget func() bool
}

func (c *breakable) Close() error {
	c.forget()
	return c.Conn.Close()
}

package kafka

import (
	"context"
	"net"
	"time"
)

// dialer makes sarama's connections and can break them all. A sarama client
// that is closed waits for the answers to its requests, for as long as its read
// timeout; one whose connections broke does not.
type dialer struct {
	ctx   context.Context // ends the connections; a dial has no other way to be told
	close context.CancelFunc
}

func newDialer() *dialer {
	d := &dialer{}
	d.ctx, d.close = context.WithCancel(context.Background())
	return d
}

// Dial implements the dialer of sarama's Net.Proxy.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: 5 * time.Second}
	conn, err := nd.DialContext(d.ctx, network, address)
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

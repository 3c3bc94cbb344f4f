package transporttest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Line makes connections until it is cut, as a process's end does it: what
// there is closes, and nothing new comes about. Its zero value is a line that is
// not cut. It is safe for concurrent use.
type Line struct {
	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

type lineConn struct {
	net.Conn
	l *Line
}

func (c lineConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c.Conn)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// Dial connects, as a net.Dialer does.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.Join(errors.New("the line is cut"), conn.Close())
	}
	if l.conns == nil {
		l.conns = map[net.Conn]bool{}
	}
	l.conns[conn] = true
	return lineConn{conn, l}, nil
}

// Cut closes all connections; Dial fails until Mend.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
	clear(l.conns)
}

// Mend makes connections possible again.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

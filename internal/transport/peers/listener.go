package peers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Token tells one run of a process from all others.
type Token [16]byte

// Peer is where a process listens.
type Peer struct {
	Address string // IP address and port
	Token   Token
}

// MaxConnections bounds those that a Listener keeps; it closes further ones.
const MaxConnections = 256

// tokenTimeout bounds the sending and the reading of a token.
const tokenTimeout = 5 * time.Second

// Listener is what others watch a process by, from Listen to Close. It is safe
// for concurrent use.
type Listener struct {
	peer  Peer
	l     net.Listener
	owner sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// Listen listens at an address, host:port, that others reach this process, and
// nobody else, by; port 0 takes one that is free.
func Listen(address string) (*Listener, error) {
	if err := CheckAddress(address); err != nil {
		return nil, fmt.Errorf("listen for peers at %q: %w", address, err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	p := &Listener{peer: Peer{Address: l.Addr().String()}, l: l, conns: map[net.Conn]bool{}}
	_, _ = rand.Read(p.peer.Token[:]) // it never fails
	p.owner.Go(p.accept)
	return p, nil
}

// CheckAddress says what is wrong with an address to listen at. One that stands
// for all of a host's addresses is not what others can connect to.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("not host:port: %w", err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return errors.New("the host is missing: give the address by which the other processes reach this one")
	}
	return nil
}

// Peer is what others need to watch this process.
func (l *Listener) Peer() Peer { return l.peer }

// Close ends the listening. Who watches takes the process for dead: close it
// when the process is out of its groups.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	err := l.l.Close()
	l.owner.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil // it was closed before
	}
	return err
}

func (l *Listener) accept() {
	for n := 0; ; {
		conn, err := l.l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as too many open files: it may pass
			n++
			time.Sleep(min(time.Millisecond<<min(n, 10), time.Second))
			continue
		}
		n = 0
		if !l.keep(conn) {
			conn.Close()
			continue
		}
		l.owner.Go(func() { l.hold(conn) })
	}
}

func (l *Listener) keep(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.conns) >= MaxConnections {
		return false
	}
	l.conns[conn] = true
	return true
}

// hold sends the token and keeps the connection until the other side closes it,
// or sends something, which it has no reason to.
func (l *Listener) hold(conn net.Conn) {
	defer func() {
		conn.Close()
		l.mu.Lock()
		delete(l.conns, conn)
		l.mu.Unlock()
	}()
	_ = conn.SetWriteDeadline(time.Now().Add(tokenTimeout))
	if _, err := conn.Write(l.peer.Token[:]); err != nil {
		return
	}
	_, _ = io.ReadFull(conn, make([]byte, 1))
}

// Watchers is how many connections there are.
func (l *Listener) Watchers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

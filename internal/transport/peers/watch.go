package peers

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Bounds of the wait before a peer that is not reached is tried again.
const (
	minWait = 100 * time.Millisecond
	maxWait = 5 * time.Second
)

// verdict is what one connection told.
type verdict int

const (
	unknown   verdict = iota // nobody was reached, or the connection was cut
	met                      // the peer was there, and the connection has ended
	refused                  // nobody listens at the address
	different                // somebody else does
)

// Watch returns true when a peer has been seen alive and is dead, and false
// when ctx ends before.
func Watch(ctx context.Context, p Peer) bool {
	seen := false
	for wait := minWait; ; {
		switch connect(ctx, p) {
		case met:
			seen, wait = true, minWait
			if ctx.Err() == nil {
				continue // at once: is it still there?
			}
		case refused, different:
			if seen {
				return true
			}
		case unknown:
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
			wait = min(2*wait, maxWait)
		case <-ctx.Done():
			t.Stop()
			return false
		}
	}
}

// connect connects and stays until the connection ends.
func connect(ctx context.Context, p Peer) verdict {
	conn, err := (&net.Dialer{Timeout: tokenTimeout}).DialContext(ctx, "tcp", p.Address)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return refused
		}
		return unknown
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var token Token
	_ = conn.SetReadDeadline(time.Now().Add(tokenTimeout))
	if _, err := io.ReadFull(conn, token[:]); err != nil {
		return unknown
	}
	if token != p.Token {
		return different
	}
	_ = conn.SetReadDeadline(time.Time{})
	_, _ = io.ReadFull(conn, make([]byte, 1)) // until it ends
	return met
}

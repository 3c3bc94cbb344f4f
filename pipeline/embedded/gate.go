package embedded

import (
	"context"
	"net"
	"sync"
)

// gate keeps clients waiting until the broker has put its logs in order. Its
// own connections go through.
type gate struct {
	mu     sync.Mutex
	own    map[string]bool // local addresses of our connections
	change chan struct{}   // closed at every change
	opened bool
}

func newGate(closed bool) *gate {
	return &gate{own: map[string]bool{}, change: make(chan struct{}), opened: !closed}
}

func (g *gate) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.change)
	g.change = make(chan struct{})
}

// open lets everybody in.
func (g *gate) open() { g.update(func() { g.opened = true }) }

// dial makes a connection that goes through.
func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		g.update(func() { g.own[conn.LocalAddr().String()] = true })
	}
	return conn, err
}

func (g *gate) listen(l net.Listener) net.Listener {
	gl := &gatedListener{Listener: l, g: g, ready: make(chan net.Conn), failed: make(chan error, 1), closed: make(chan struct{})}
	gl.wg.Go(gl.accept)
	return gl
}

// gatedListener holds back connections while the gate is closed.
type gatedListener struct {
	net.Listener
	g      *gate
	ready  chan net.Conn
	failed chan error
	closed chan struct{}
	once   sync.Once
	wg     sync.WaitGroup
}

func (l *gatedListener) accept() {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.failed <- err
			return
		}
		l.wg.Go(func() { l.hold(conn) })
	}
}

// hold passes a connection on as soon as the gate lets it.
func (l *gatedListener) hold(conn net.Conn) {
	for {
		l.g.mu.Lock()
		ok, change := l.g.opened || l.g.own[conn.RemoteAddr().String()], l.g.change
		l.g.mu.Unlock()
		if ok {
			select {
			case l.ready <- conn:
			case <-l.closed:
				conn.Close()
			}
			return
		}
		select {
		case <-change:
		case <-l.closed:
			conn.Close()
			return
		}
	}
}

// Accept implements net.Listener.
func (l *gatedListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.failed:
		l.failed <- err // for the next call
		return nil, err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *gatedListener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { close(l.closed) })
	l.wg.Wait()
	return err
}

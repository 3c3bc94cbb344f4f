package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// front stands between the network and kfake: it listens on the loopback only,
// knows every connection, so that a stop can wait for them and a test can cut
// them, and lets through what looks like a request.
type front struct {
	host string
	log  *slog.Logger
	wg   sync.WaitGroup // connections, and reads and writes on them

	// Of a broker that nobody refers to any more. It goes on, and so must its
	// lock, which the garbage collector would close.
	folder *folder

	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool // no further connections
}

func newFront(host string, log *slog.Logger, folder *folder) *front {
	return &front{host: host, log: log, folder: folder, conns: map[*conn]struct{}{}}
}

// listen is for kfake, which gives an IPv4 address with the port.
func (f *front) listen(network, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, net.JoinHostPort(f.host, port))
	if err != nil {
		return nil, &PortError{Port: n, Err: err}
	}
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s is not a loopback address", l.Addr()), l.Close())
	}
	return &listener{Listener: l, front: f}, nil
}

// cut closes every connection.
func (f *front) cut() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Conn.Close() // its reader gets an error, and kfake closes c
	}
	return len(f.conns)
}

// wait waits until every connection is closed and unused. It follows the end of
// kfake, which closes them.
func (f *front) wait() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.wg.Wait()
}

type listener struct {
	net.Listener
	front *front
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, front: l.front}
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	if c.front.closed {
		return nil, errors.Join(net.ErrClosed, nc.Close())
	}
	c.front.conns[c] = struct{}{}
	c.front.wg.Add(1)
	return c, nil
}

// maxRequest bounds a request, as Kafka's socket.request.max.bytes does.
const maxRequest = 100 << 20

// conn is a client's connection. kfake allocates what a request says is its
// size and panics on an unknown kind of request, so that a browser which is
// pointed at the port would end the process; headers are checked on the way.
type conn struct {
	net.Conn
	front *front

	header  [8]byte // size, API key, API version
	pending []byte  // of header, to be delivered
	body    int     // bytes of the request that follow the header

	mu     sync.Mutex
	closed bool
}

// Read implements net.Conn. kfake reads from one goroutine at a time.
func (c *conn) Read(p []byte) (int, error) {
	if !c.begin() {
		return 0, net.ErrClosed
	}
	defer c.front.wg.Done()
	if len(c.pending) == 0 && c.body == 0 {
		if _, err := io.ReadFull(c.Conn, c.header[:]); err != nil {
			return 0, err
		}
		n, err := checkHeader(c.header)
		if err != nil {
			c.front.log.Warn("embedded Kafka broker closes a connection", "client", c.RemoteAddr().String(), "error", err)
			return 0, err
		}
		c.pending, c.body = c.header[:], n
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.body)])
	c.body -= n
	return n, err
}

// checkHeader returns how many bytes of the request follow the header.
func checkHeader(h [8]byte) (int, error) {
	size := binary.BigEndian.Uint32(h[:])
	if size < 8 || size > maxRequest { // a correlation id and the client id's length follow
		return 0, fmt.Errorf("a request of %d bytes: not a Kafka client, or a request over %d bytes", size, maxRequest)
	}
	if key := int16(binary.BigEndian.Uint16(h[4:])); kmsg.RequestForKey(key) == nil {
		return 0, fmt.Errorf("a request with the unknown API key %d", key)
	}
	return int(size) - 4, nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if !c.begin() {
		return 0, net.ErrClosed
	}
	defer c.front.wg.Done()
	return c.Conn.Write(p)
}

// begin notes a use of the connection, which wait waits for.
func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.front.wg.Add(1)
	return true
}

// Close implements net.Conn. kfake closes from its reader and its writer.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.front.mu.Lock()
		delete(c.front.conns, c)
		c.front.mu.Unlock()
		c.front.wg.Done()
	}
	return err
}

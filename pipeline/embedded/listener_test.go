package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Without the check, each of these would end the process or have it allocate
// what it is told to.
func TestWhatIsNoRequestIsRefused(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	header := func(size uint32, key uint16) []byte {
		h := binary.BigEndian.AppendUint32(nil, size)
		h = binary.BigEndian.AppendUint16(h, key)
		return append(binary.BigEndian.AppendUint16(h, 0), make([]byte, 64)...)
	}
	for name, sent := range map[string][]byte{
		"HTTP":         []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"TLS":          {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0},
		"unknown key":  header(60, 30000),
		"negative key": header(60, 0xffff),
		"tiny":         header(2, 3),
		"huge":         header(maxRequest+1, 3),
		"zeros":        make([]byte, 64),
	} {
		c, err := net.Dial("tcp", b.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(sent); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n > 0 || errors.Is(err, errTimeout(err)) {
			t.Errorf("%s: read %d bytes, %v, want a closed connection", name, n, err)
		}
		c.Close()
	}
	produce(t, client(t, b.Addresses()), "t", "still alive")
}

// errTimeout returns err if it is a timeout.
func errTimeout(err error) error {
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return err
	}
	return errors.ErrUnsupported
}

// fakeConn is a connection to read from.
type fakeConn struct {
	net.Conn
	io.Reader
}

func (c fakeConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }
func (c fakeConn) Close() error               { return nil }
func (c fakeConn) RemoteAddr() net.Addr       { return &net.TCPAddr{} }

// What goes through is a prefix of what was sent, up to a request that is
// refused, however the bytes arrive.
func FuzzConn(f *testing.F) {
	req := kmsg.NewPtrApiVersionsRequest()
	whole := kmsg.NewRequestFormatter().AppendRequest(nil, req, 7)
	f.Add(whole)
	f.Add(slices.Concat(whole, whole, []byte("GET / HTTP/1.1\r\n\r\n")))
	f.Fuzz(func(t *testing.T, sent []byte) {
		read := func(r io.Reader) []byte {
			fr := newFront("127.0.0.1", quiet(), nil)
			fr.wg.Add(1)
			c := &conn{Conn: fakeConn{Reader: r}, front: fr}
			defer fr.wait()
			defer c.Close()
			got, _ := io.ReadAll(c)
			return got
		}
		got := read(bytes.NewReader(sent))
		if !bytes.HasPrefix(sent, got) {
			t.Fatalf("sent %x, got %x", sent, got)
		}
		if again := read(iotest.OneByteReader(bytes.NewReader(sent))); !bytes.Equal(got, again) {
			t.Errorf("byte by byte %x came through, at once %x", again, got)
		}
		for rest := got; len(rest) > 0; {
			size := min(int(binary.BigEndian.Uint32(rest))+4, len(rest))
			if kmsg.RequestForKey(int16(binary.BigEndian.Uint16(rest[4:]))) == nil {
				t.Fatalf("a request of an unknown kind came through: %x", rest)
			}
			rest = rest[size:]
		}
	})
}

func TestDropConnections(t *testing.T) {
	b := start(t, Config{})
	create(t, b, "t", 1, nil)
	cl := client(t, b.Addresses(), kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }))
	produce(t, cl, "t", "1")
	if n := b.DropConnections(); n == 0 {
		t.Error("there were no connections")
	}
	produce(t, cl, "t", "2")
	if got := values(t, b, "t", kgo.ReadCommitted()); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("read %q", got)
	}
}

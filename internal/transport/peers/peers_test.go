package peers

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func listen(t *testing.T, address string) *Listener {
	t.Helper()
	l, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// watch watches a peer until the test ends, and tells what came of it.
func watch(t *testing.T, p Peer) (verdict <-chan bool, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	dead := make(chan bool, 1)
	go func() { dead <- Watch(ctx, p) }()
	return dead, cancel
}

// watched waits until somebody is connected.
func watched(t *testing.T, l *Listener, n int) {
	t.Helper()
	until(t, "watched", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.conns) == n
	})
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func result(t *testing.T, c <-chan bool) bool {
	t.Helper()
	select {
	case dead := <-c:
		return dead
	case <-time.After(20 * time.Second):
		t.Fatal("no verdict within 20 s")
		return false
	}
}

// Who was seen and then is not there any more is dead; so is one in whose place
// another listens.
func TestDead(t *testing.T) {
	for name, replace := range map[string]bool{"refused": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0")
			dead, stop := watch(t, l.Peer())
			defer stop()
			watched(t, l, 1)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if replace {
				listen(t, l.Peer().Address)
			}
			if !result(t, dead) {
				t.Error("it is not taken for dead")
			}
		})
	}
}

// A connection that is cut proves nothing: the peer is found again.
func TestCut(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	dead, stop := watch(t, l.Peer())
	for range 3 {
		watched(t, l, 1)
		l.mu.Lock()
		for c := range l.conns {
			c.Close()
			delete(l.conns, c)
		}
		l.mu.Unlock()
	}
	watched(t, l, 1)
	stop()
	if result(t, dead) {
		t.Error("one that lives is taken for dead")
	}
}

// Who was never seen is not taken for dead: a firewall may refuse, and an old
// address may be somebody else's.
func TestNeverSeen(t *testing.T) {
	other := listen(t, "127.0.0.1:0")
	gone := listen(t, "127.0.0.1:0")
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Peer{"refused": gone.Peer(), "another": {Address: other.Peer().Address, Token: Token{1}}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if Watch(ctx, p) {
				t.Error("it is taken for dead")
			}
		})
	}
}

// A listener stands those who connect without end, who send, and who stay silent.
func TestHostile(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	var conns []net.Conn
	for range MaxConnections {
		c, err := net.Dial("tcp", l.Peer().Address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	watched(t, l, MaxConnections)
	c, err := net.Dial("tcp", l.Peer().Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); len(b) > 0 {
		t.Errorf("one too many got %q, %v", b, err)
	}
	if _, err := conns[0].Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	watched(t, l, MaxConnections-1)
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string]string{
		"10.0.0.7:7070": "", "[::1]:7070": "", "worker-1.workers:7070": "", "127.0.0.1:0": "",
		"":             "not host:port",
		"10.0.0.7":     "not host:port",
		"10.0.0.7:x y": "is not a number",
		"h:70000":      "is not a number",
		":7070":        "the host is missing",
		"0.0.0.0:7070": "the host is missing",
		"[::]:7070":    "the host is missing",
	} {
		err := CheckAddress(address)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
}

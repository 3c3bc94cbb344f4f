package views_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline/views"
)

// Clients that send rubbish, too much, or nothing at all get an answer or an
// end, in bounded time, and others are served meanwhile and afterwards.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	_, h := start(t)
	a, _ := serve(t, views.Server{Handler: h})
	for name, tt := range map[string]struct {
		send string
		half bool   // close our side after it
		want string // the answer begins with it; "": the connection ends without one
	}{
		"rubbish":           {send: "\x16\x03\x01\x00\xff rubbish\r\n\r\n", want: "HTTP/1.1 400"},
		"no host":           {send: "GET /healthz HTTP/1.1\r\n\r\n", want: "HTTP/1.1 400"},
		"huge header":       {send: "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", want: "HTTP/1.1 431"},
		"many headers":      {send: "GET /healthz HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Y: z\r\n", 100_000) + "\r\n", want: "HTTP/1.1 431"},
		"huge path":         {send: "GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", want: "HTTP/1.1 431"},
		"two lengths":       {send: "POST /v1/tables HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", want: "HTTP/1.1 400"},
		"smuggled":          {send: "POST /v1/tables HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked, x\r\n\r\nzzzzz", want: "HTTP/1.1 501"},
		"half-close":        {send: "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", half: true, want: "HTTP/1.1 200"},
		"half a request":    {send: "GET /healthz HT", half: true, want: "HTTP/1.1 400"},
		"nothing":           {half: true},
		"slow headers":      {send: "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "}, // and no more: the header's time ends
		"NUL in a key":      {send: "GET /v1/tables/counts/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", want: "HTTP/1.1 404"},
		"dots in a path":    {send: "GET /v1/tables/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", want: "HTTP/1.1 404"},
		"a body that comes": {send: "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10000000\r\n\r\n" + strings.Repeat("x", 1000), want: "HTTP/1.1 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the slow ones wait side by side
			c, err := net.Dial("tcp", a)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			_, werr := io.WriteString(c, tt.send) // the server may end it before it has all
			if tt.half {
				_ = c.(*net.TCPConn).CloseWrite()
			}
			began := time.Now()
			answer, rerr := io.ReadAll(io.LimitReader(c, 64<<10))
			if ne, ok := rerr.(net.Error); ok && ne.Timeout() {
				t.Errorf("no end after %v", time.Since(began))
			}
			if !strings.HasPrefix(string(answer), tt.want) || (tt.want == "") != (len(answer) == 0) && name != "slow headers" {
				t.Errorf("answer %.100q (%v, %v), want %q", answer, werr, rerr, tt.want)
			}
		})
	}
}

// Clients that never read and hold all connections are let go of.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	_, h := start(t)
	a, _ := serve(t, views.Server{Handler: h, MaxConnections: 2})
	for range 2 {
		c, err := net.Dial("tcp", a)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	c, err := net.Dial("tcp", a) // waits until the silent ones ran out of time
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if answer, err := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("answer %q, %v", answer, err)
	}
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

func TestIsPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "1.1.1.1": true, "172.15.0.1": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "10.1.2.3": false, "172.16.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "100.64.0.1": false,
		"224.0.0.1": false, "255.255.255.255": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:0:7f00:1::": false, "198.18.0.1": false, "192.0.2.1": false, "fec0::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is public: %v, want %v", addr, got, want)
		}
	}
}

// dnsServer answers every question with the loopback address, as an attacker's
// server does for a name that looks harmless.
func dnsServer(t *testing.T) *net.Resolver {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return // closed
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			q := m.Questions[0]
			h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}
			switch q.Type {
			case dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			case dnsmessage.TypeAAAA:
				m.Answers = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("::1").As16()}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = pc.Close()
		<-ended
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// TestPrivateAddresses tries to reach a server on loopback, which must not see
// a request, in the ways of an attacker: by address, by name, by redirect.
func TestPrivateAddresses(t *testing.T) {
	var reached atomic.Int64
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		fmt.Fprint(w, rss("secret"))
	}))
	defer secret.Close()
	port := strings.TrimPrefix(secret.URL, "http://127.0.0.1:")
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	}))
	defer redirecting.Close()
	allowed := netip.MustParseAddrPort(strings.TrimPrefix(redirecting.URL, "http://"))
	transport := NewTransport(TransportOptions{Allow: []netip.AddrPort{allowed}, Resolver: dnsServer(t)})
	defer transport.CloseIdleConnections()
	f, err := New(Config{Store: newWorld(), Sink: newWorld(), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{"http://127.0.0.1:" + port + "/", "http://localhost:" + port + "/", "http://harmless.example:" + port + "/",
		"http://[::ffff:127.0.0.1]:" + port + "/", "http://[::1]:" + port + "/", "http://0.0.0.0:" + port + "/", "http://127.1:" + port + "/",
		"http://2130706433:" + port + "/", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "https://harmless.example/"}
	for _, target := range targets {
		for _, address := range []string{target, redirecting.URL + "/?to=" + target} {
			s, items, _ := f.poll(context.Background(), topics.Feed{URL: address}, topics.FeedState{})
			if len(items) != 0 || s.Health != topics.HealthFailing {
				t.Errorf("%s: %+v", address, s)
			}
			if strings.Contains(s.Error, "no host") && (strings.Contains(target, "127.1:") || strings.Contains(target, "2130706433")) {
				continue // no resolver here takes short and whole-number forms of an address
			}
			if !strings.Contains(s.Error, "not public") || !strings.Contains(s.Error, "only if private addresses are allowed") {
				t.Errorf("%s: error %q", address, s.Error)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the server on loopback was reached %d times", n)
	}
	// What is allowed works.
	if s, _, _ := f.poll(context.Background(), topics.Feed{URL: redirecting.URL + "/?to=/"}, topics.FeedState{}); !strings.Contains(s.Error, "redirects") {
		t.Errorf("the allowed server was not asked: %q", s.Error)
	}
	doc, err := Once(context.Background(), Config{AllowPrivate: true}, secret.URL)
	if err != nil || len(doc.Items) != 1 {
		t.Errorf("with private addresses allowed: %v", err)
	}
	if _, err := Once(context.Background(), Config{}, secret.URL); !errors.Is(err, ErrPrivate) {
		t.Errorf("without: %v", err)
	}
}

// TestProxy fetches through a proxy on loopback, which is dialled although it
// is not public, while the guard stands for what goes direct.
func TestProxy(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		fmt.Fprint(w, rss("1"))
	}))
	defer proxy.Close()
	// net/http reads the environment once, so the test sets the function.
	transport := NewTransport(TransportOptions{Proxy: true})
	defer transport.CloseIdleConnections()
	if transport.Proxy == nil {
		t.Fatal("no proxy is asked for")
	}
	via, dial := viaProxy(&net.Dialer{Control: guard(TransportOptions{})}, func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == "direct.example" || r.URL.Hostname() == "127.0.0.1" {
			return nil, nil
		}
		return r.URL.Parse(proxy.URL)
	})
	transport.Proxy, transport.DialContext = via, dial
	doc, err := Once(context.Background(), Config{Transport: transport}, "http://feeds.example/f")
	if err != nil || len(doc.Items) != 1 || asked.Load() != "http://feeds.example/f" {
		t.Errorf("%v, the proxy was asked for %v", err, asked.Load())
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if _, err := Once(context.Background(), Config{Transport: transport}, other.URL); !errors.Is(err, ErrPrivate) {
		t.Errorf("beside the proxy: %v", err)
	}
}

package fetch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ErrPrivate is the failure of a connection to an address that is not public.
var ErrPrivate = errors.New("the address is not public")

// privateError is ErrPrivate with the address.
type privateError string

func (e privateError) Error() string        { return string(e) + ": " + ErrPrivate.Error() }
func (e privateError) Is(target error) bool { return target == ErrPrivate }

// TransportOptions say where connections may go.
type TransportOptions struct {
	AllowPrivate bool
	Allow        []netip.AddrPort // allowed although they are not public
	Proxy        bool             // from the environment
	Resolver     *net.Resolver    // default net.DefaultResolver
}

// NewTransport returns a transport for feeds. It refuses to connect to
// loopback, private, link-local and other addresses that are not public. That
// is checked in the dialer, after names were resolved, so that neither DNS nor
// redirects get round it.
func NewTransport(o TransportOptions) *http.Transport {
	guarded := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Resolver: o.Resolver, Control: guard(o)}
	t := &http.Transport{
		DialContext:            guarded.DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // we unpack, within bounds
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        20 * time.Second,
	}
	if o.Proxy {
		t.Proxy, t.DialContext = viaProxy(guarded, http.ProxyFromEnvironment)
	}
	return t
}

// guard refuses addresses when a connection to them is about to be made.
func guard(o TransportOptions) func(string, string, syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return privateError(address)
		}
		if o.AllowPrivate || slices.Contains(o.Allow, a) || isPublic(a.Addr()) {
			return nil
		}
		return privateError(a.String())
	}
}

type (
	proxyFunc = func(*http.Request) (*url.URL, error)
	dialFunc  = func(ctx context.Context, network, addr string) (net.Conn, error)
)

// viaProxy uses the proxies that choose names. A proxy may have a private
// address, so it is dialled without the guard.
func viaProxy(guarded *net.Dialer, choose proxyFunc) (proxyFunc, dialFunc) {
	var proxies sync.Map
	free := *guarded
	free.Control = nil
	proxy := func(r *http.Request) (*url.URL, error) {
		u, err := choose(r)
		if u != nil {
			proxies.Store(hostPort(u), true)
		}
		return u, err
	}
	return proxy, func(ctx context.Context, network, addr string) (net.Conn, error) {
		if _, ok := proxies.Load(addr); ok {
			return free.DialContext(ctx, network, addr)
		}
		return guarded.DialContext(ctx, network, addr)
	}
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// notPublic are the blocks of the IANA special-purpose registries
// (https://www.iana.org/assignments/iana-ipv4-special-registry,
// iana-ipv6-special-registry) which the methods of netip.Addr do not know, or
// in which an IPv4 address can hide.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by a carrier's customers
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),        // IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo among others
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"), // site-local
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() { // loopback, link-local and multicast are no global unicast
		return false
	}
	return !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}

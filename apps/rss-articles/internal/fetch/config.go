package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/clean"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
)

// Store has the subscriptions and what is known of each feed. Its methods are
// called from several goroutines.
type Store interface {
	// Feeds returns all subscriptions.
	Feeds(ctx context.Context) ([]topics.Feed, error)
	// State returns what was last saved for a feed; ok is false if nothing was.
	State(ctx context.Context, url string) (s topics.FeedState, ok bool, err error)
	// Save keeps a state, by its URL. It returns when that is acknowledged.
	Save(ctx context.Context, s topics.FeedState) error
	// Forget deletes the state of a feed whose subscription ended.
	Forget(ctx context.Context, url string) error
}

// Sink takes the items.
type Sink interface {
	// Emit returns when all items are acknowledged. After an error it is called
	// again with the same items. They are ordered: oldest first, as far as the
	// feed's own order tells.
	Emit(ctx context.Context, items []clean.Raw) error
}

// Config says how to fetch. Zero values stand for the defaults.
type Config struct {
	Store Store // required
	Sink  Sink  // required

	// Min and Max bound the time between two polls of a feed; defaults 10
	// minutes and 4 hours. Default is where a feed of unknown habits starts:
	// 30 minutes. What a publisher asks for counts up to Max.
	Min, Default, Max time.Duration
	// MaxBackoff bounds the time between two tries of a feed that fails;
	// default 24 hours.
	MaxBackoff time.Duration
	// Timeout bounds a poll's request with its redirects and body; default 30
	// seconds.
	Timeout time.Duration
	// Grace is how long Run waits, once it is to stop, for items that were
	// fetched to be acknowledged; default 5 seconds.
	Grace time.Duration
	// Refresh is how often the subscriptions are read when nobody calls
	// Changed; default 2 seconds.
	Refresh time.Duration

	// Concurrency is how many polls run at a time; default 16.
	Concurrency int
	// HostConcurrency is how many of them are at one host; default 2.
	HostConcurrency int
	// HostDelay is the time between the starts of two polls at one host;
	// default 500 ms, none if negative.
	HostDelay time.Duration
	// MaxBody bounds a document in bytes, as it is sent and unpacked; default
	// 10 MiB.
	MaxBody int

	// OwnHosts are hosts ("127.0.0.1:8081") which the program serves itself:
	// without delays, every OwnInterval (default 5 seconds), and allowed where
	// they are IP addresses.
	OwnHosts    []string
	OwnInterval time.Duration
	// Files are the local feed documents that may be read, as FileURL gives
	// them. Others are refused: a subscription that came over HTTP must not
	// read files.
	Files []string

	// AllowPrivate lifts the ban on addresses that are not public. Proxy takes
	// the proxy from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY): it
	// is then the proxy that must guard private addresses.
	AllowPrivate, Proxy bool
	// Robots asks each host for its robots.txt, once a day, and fetches only what
	// that lets "Millrace-RSS" fetch (RFC 9309). Default: it is not asked for, as
	// with other programs that fetch what people subscribed to.
	Robots bool
	// Transport makes the requests; default NewTransport with the two above.
	Transport http.RoundTripper
	// UserAgent is sent to servers; the default names the program.
	UserAgent string

	// Polled is told of each poll that was not broken off, once it has been made
	// and before its items are written. It must not block, and is called from
	// several goroutines. Default: nobody is.
	Polled func(Polled)

	Now    func() time.Time // default time.Now
	Rand   func() float64   // jitter, from 0 to 1, called from several goroutines; default math/rand/v2
	Logger *slog.Logger     // default slog.Default
}

// DefaultUserAgent is sent if Config has none.
const DefaultUserAgent = "Millrace-RSS/1.0 (+https://github.com/millrace/millrace)"

// ErrConfig is a configuration that cannot work.
var ErrConfig = errors.New("fetch: configuration")

func (c Config) withDefaults() Config {
	def(&c.Min, 10*time.Minute)
	def(&c.Default, 30*time.Minute)
	def(&c.Max, 4*time.Hour)
	def(&c.MaxBackoff, 24*time.Hour)
	def(&c.Timeout, 30*time.Second)
	def(&c.Grace, 5*time.Second)
	def(&c.Refresh, 2*time.Second)
	def(&c.Concurrency, 16)
	def(&c.HostConcurrency, 2)
	def(&c.HostDelay, 500*time.Millisecond)
	def(&c.MaxBody, 10<<20)
	def(&c.OwnInterval, 5*time.Second)
	def(&c.UserAgent, DefaultUserAgent)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Polled == nil {
		c.Polled = func(Polled) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Transport == nil {
		o := TransportOptions{AllowPrivate: c.AllowPrivate, Proxy: c.Proxy}
		for _, h := range c.OwnHosts {
			if a, err := netip.ParseAddrPort(h); err == nil {
				o.Allow = append(o.Allow, a)
			}
		}
		c.Transport = NewTransport(o)
	}
	c.Default = min(max(c.Default, c.Min), c.Max)
	return c
}

func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// validate returns all problems at once.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if c.Store == nil {
		bad("Store: none")
	}
	if c.Sink == nil {
		bad("Sink: none")
	}
	if c.Min < 0 || c.Max < c.Min {
		bad("Min %v, Max %v: want 0 < Min <= Max", c.Min, c.Max)
	}
	for name, d := range map[string]time.Duration{"MaxBackoff": c.MaxBackoff, "Timeout": c.Timeout, "Grace": c.Grace,
		"Refresh": c.Refresh, "OwnInterval": c.OwnInterval} {
		if d < 0 {
			bad("%s: %v is below zero", name, d)
		}
	}
	for name, n := range map[string]int{"Concurrency": c.Concurrency, "HostConcurrency": c.HostConcurrency, "MaxBody": c.MaxBody} {
		if n < 0 {
			bad("%s: %d is below zero", name, n)
		}
	}
	return errors.Join(errs...)
}

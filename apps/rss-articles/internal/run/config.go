package run

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/topics"
	"github.com/millrace/millrace/apps/rss-articles/internal/topology"
	"github.com/millrace/millrace/pipeline"
)

// Fetcher is the name by which Config.Processors asks for the fetcher, which is
// no processor of the topology.
const Fetcher = "fetch"

// Config configures the app. The zero value of a field is its default.
type Config struct {
	// Brokers are addresses of a Kafka cluster. Default: the embedded broker,
	// with its data in the state folder.
	Brokers []string
	// Feeds are feeds to subscribe to: addresses, OPML files, files with an
	// address a line, or feed files, which are served from here. Default: the
	// sample feeds, with their readers, which are added at the first start.
	Feeds []string
	// HTTP is the address of the page. Default 127.0.0.1:8080.
	HTTP string
	// Hosts are names, besides IP addresses and localhost, by which the page
	// may be asked for; "*" allows all.
	Hosts []string
	// State is the folder for what must survive a restart. Each process has
	// its own. Default "millrace-state".
	State string
	// Processors are the names of the processors that run in this process,
	// and Fetcher. Default: all.
	Processors []string
	// Interval is how often a feed is fetched that does not say itself.
	// Default: the fetcher's; 5 s for the sample feeds.
	Interval time.Duration
	// Grace is how much longer than 72 h the state of near-duplicates is kept,
	// for articles that come in another order than they were seen: in a replay.
	// Default: no longer.
	Grace time.Duration
	// AllowPrivate lets the fetcher read feeds at private and local addresses.
	AllowPrivate bool
	// Proxy takes the fetcher's proxy from the environment (HTTP_PROXY and so
	// on).
	Proxy bool
	// Robots makes the fetcher ask for robots.txt.
	Robots bool
	// Kafka is how to connect, and what else pipeline.Config has. What has a
	// field here is taken from there: Kafka.Brokers, StateDir and Processors
	// are not looked at, nor Views, Logger and Metrics. The default of
	// Kafka.CacheBytes is CacheBytes.
	Kafka pipeline.Config
	// Logger gets what happens. Default slog.Default().
	Logger *slog.Logger
	// Started is called with the page's address once it answers, Ready once
	// every processor runs and every table is restored. Both may be nil.
	Started, Ready func(url string)

	// Now is the clock by which feeds are fetched and their items, clicks and
	// subscriptions dated, for tests in which time goes faster. Default
	// time.Now.
	Now func() time.Time
	// Fetch may change how feeds are fetched, for tests: it is called with
	// what the fields above come to. Default: no change.
	Fetch func(*fetch.Config)
}

// CacheBytes is the default of Kafka.CacheBytes. There are some fifty tables of
// four partitions, most of them of all that came in the last 30 days, so with the
// default of package pipeline all of that is in memory after a while. One is of what
// a training writes at once, some 3 MB, so it is not smaller.
const CacheBytes = 4 << 20

func (c Config) withDefaults() Config {
	if c.Kafka.CacheBytes == 0 {
		c.Kafka.CacheBytes = CacheBytes
	}
	if c.HTTP == "" {
		c.HTTP = "127.0.0.1:8080"
	}
	if c.State == "" {
		c.State = "millrace-state"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Started == nil {
		c.Started = func(string) {}
	}
	if c.Ready == nil {
		c.Ready = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Fetch == nil {
		c.Fetch = func(*fetch.Config) {}
	}
	return c
}

// Validate returns all that is wrong, in one error, apart from Brokers and
// Kafka, which package configure checks where they are said.
func (c Config) Validate() error {
	_, err := readSources(c.Feeds)
	return errors.Join(c.withDefaults().own(), err)
}

// validate is the check of Run, which reads the feeds itself.
func (c Config) validate() error {
	var errs []error
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("-brokers: %q is not host:port", b))
		}
	}
	return errors.Join(append(errs, c.own())...)
}

func (c Config) own() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 && (c.Kafka.TLS != pipeline.TLS{} || c.Kafka.SASL != pipeline.SASL{}) {
		bad("TLS or SASL is set, and no -brokers: the embedded broker has neither")
	}
	if _, _, err := net.SplitHostPort(c.HTTP); err != nil {
		bad("-http: %q is not host:port", c.HTTP)
	}
	names := append(Topology().Processors(), Fetcher)
	for _, p := range c.Processors {
		if !slices.Contains(names, p) {
			bad("-processors: there is no %q; there are %s", p, strings.Join(names, ", "))
		}
	}
	if c.Interval < 0 || c.Interval > 0 && c.Interval < time.Second {
		bad("-interval: %v is less than a second", c.Interval)
	}
	if c.Grace < 0 || c.Grace > maxGrace {
		bad("-grace: %v is not between 0 and %v", c.Grace, maxGrace)
	}
	return errors.Join(errs...)
}

// maxGrace bounds Config.Grace: sums with it must remain durations.
const maxGrace = 100 * 365 * 24 * time.Hour

// fetches says whether the fetcher runs in this process.
func (c Config) fetches() bool {
	return len(c.Processors) == 0 || slices.Contains(c.Processors, Fetcher)
}

// processors are those of the topology that run in this process: nil for all,
// empty for none.
func (c Config) processors() []string {
	if len(c.Processors) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Processors), func(p string) bool { return p == Fetcher })
}

// Topology returns the topology with the tables of the fetcher and of the page,
// which no processor reads.
func Topology() *pipeline.Topology { return with(stages.Options{}) }

func with(o stages.Options) *pipeline.Topology {
	return topology.With(o).From(topics.Feeds, topics.FeedStates, topics.Marks).To(topics.Feeds, topics.FeedStates, topics.Marks)
}

package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/fetch"
	"github.com/millrace/millrace/apps/rss-articles/internal/sample"
	"github.com/millrace/millrace/apps/rss-articles/internal/stages"
	"github.com/millrace/millrace/apps/rss-articles/internal/web"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/embedded"
	"github.com/millrace/millrace/pipeline/metrics"
	"github.com/millrace/millrace/pipeline/views"
)

// app is what is put together from a Config.
type app struct {
	cfg     Config
	log     *slog.Logger
	parts   *parts
	state   *state
	sources []source // of Config.Feeds; none: the samples
	local   *local   // nil if the samples are not served
	service *pipeline.Service
	polled  func(fetch.Polled)
}

// Run runs the app until ctx ends; then it finishes and commits what is at
// hand, and returns nil. It returns the errors of all parts.
func Run(ctx context.Context, c Config) (err error) {
	c = c.withDefaults()
	a := &app{cfg: c, log: c.Logger}
	if a.sources, err = readSources(c.Feeds); err != nil {
		return errors.Join(c.validate(), err)
	}
	if err := c.validate(); err != nil {
		return err
	}
	if a.state, err = openState(c.State); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.state.close()) }()

	a.parts = newParts(ctx)
	err = a.start()
	ended := a.parts.ctx.Err() != nil || errors.Is(err, pipeline.ErrNotRunning)
	if err == nil {
		<-a.parts.ctx.Done()
		a.log.Info("stopping: finishing what is at hand; interrupt again to end at once")
	}
	began := time.Now()
	stopped := a.parts.stop()
	if err == nil || ended { // the reason is among those of the parts, or there was none
		err = stopped
	} else {
		err = errors.Join(err, stopped)
	}
	if err == nil {
		a.log.Info("stopped; all is committed", "after", time.Since(began).Round(time.Millisecond))
	}
	return err
}

func (a *app) start() error {
	began, ctx := time.Now(), a.parts.ctx
	where := "Kafka at " + strings.Join(a.cfg.Brokers, ", ")
	if len(a.cfg.Brokers) == 0 {
		where = "an embedded broker, for trying things out"
	}
	a.log.Info("starting with "+where, "state", a.cfg.State)

	page := &gate{}
	address, err := a.serve(ctx, page)
	if err != nil {
		return err
	}
	brokers, err := a.brokers(ctx)
	if err != nil {
		return err
	}
	if err := a.serveSamples(ctx); err != nil {
		return err
	}
	exporter := metrics.New(metrics.Options{})
	kafka := a.cfg.Kafka
	kafka.Brokers, kafka.StateDir, kafka.Processors = brokers, a.state.path("tables"), a.cfg.processors()
	kafka.Views, kafka.Logger, kafka.Metrics = web.Views(), a.quiet(), exporter.Hooks()
	if a.service, err = pipeline.NewService(with(stages.Options{Grace: a.cfg.Grace, Ignored: ignored(exporter)}), kafka); err != nil {
		return err
	}
	pictures := fetch.NewPictures(a.fetching())
	a.parts.closer("pictures", pictures.Close)
	server, err := web.New(web.Config{Service: a.service, Logger: a.log, Now: a.cfg.Now, Picture: pictures.Get})
	if err != nil {
		return err
	}
	exporter.Registry().MustRegister(newFeedHealth(server))
	if a.cfg.fetches() {
		a.polled = fetched(exporter)
	}
	a.parts.start("pipeline", a.service.Run)
	a.parts.start("page", server.Run)
	all := http.NewServeMux()
	all.Handle("GET /metrics", exporter.Handler())
	all.Handle("/", server.Handler())
	page.open(web.Guard(all, a.cfg.Hosts...))
	a.log.Info("the page is open at "+address, "restoring", true)
	a.cfg.Started(address)

	if err := a.service.WaitReady(ctx); err != nil {
		return err
	}
	if a.cfg.fetches() {
		if err := a.seed(ctx); err != nil {
			return fmt.Errorf("subscribe to feeds: %w", err)
		}
		if err := a.fetch(); err != nil {
			return err
		}
	}
	a.log.Info("ready: open "+address, "after", time.Since(began).Round(time.Millisecond))
	a.cfg.Ready(address)
	return nil
}

// serve opens the page's port and returns its address.
func (a *app) serve(ctx context.Context, page *gate) (string, error) {
	listening := make(chan net.Addr, 1)
	a.parts.start("page", func(ctx context.Context) error {
		err := views.Serve(ctx, a.cfg.HTTP, page, func(l net.Addr) { listening <- l })
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: name another with -http, or let -http 127.0.0.1:0 find one", err)
		}
		return err
	})
	select {
	case l := <-listening:
		host, port, _ := net.SplitHostPort(l.String()) // of a listener: well-formed
		if ip := net.ParseIP(host); ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return "http://" + net.JoinHostPort(host, port), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// brokers returns the addresses of the cluster, and starts it if it is the
// embedded one.
func (a *app) brokers(ctx context.Context) ([]string, error) {
	if len(a.cfg.Brokers) > 0 {
		return a.cfg.Brokers, nil
	}
	b, err := embedded.Start(ctx, embedded.Config{Dir: a.state.path("broker"), Logger: a.quiet()})
	if err != nil {
		return nil, err
	}
	a.parts.closer("embedded broker", b.Close)
	return b.Addresses(), nil
}

// serveSamples serves the sample feeds, if no others were named.
func (a *app) serveSamples(ctx context.Context) (err error) {
	if !a.cfg.fetches() || len(a.sources) > 0 {
		return nil
	}
	if a.local, err = openLocal(ctx, a.state); err != nil {
		return err
	}
	a.parts.start("sample feeds", a.local.serve)
	a.log.Info(fmt.Sprintf("serving %d sample feeds for %d sample readers; name your own with -feeds", len(sample.Feeds()), len(sample.Readers())), "at", a.local.base())
	return nil
}

// fetch starts the fetcher.
func (a *app) fetch() error {
	s, err := newStore(a.service)
	if err != nil {
		return err
	}
	c := a.fetching()
	c.Store, c.Sink = s, s
	f, err := fetch.New(c)
	if err != nil {
		return err
	}
	a.parts.start("fetcher", f.Run)
	return nil
}

// fetching says how to fetch.
func (a *app) fetching() fetch.Config {
	c := fetch.Config{Min: a.cfg.Interval, Default: a.cfg.Interval, AllowPrivate: a.cfg.AllowPrivate, Proxy: a.cfg.Proxy, Robots: a.cfg.Robots,
		Polled: a.polled, Now: a.cfg.Now, Logger: a.log}
	if a.local != nil {
		c.OwnHosts = []string{a.local.listener.Addr().String()}
	}
	for _, s := range a.sources {
		if s.File {
			c.Files = append(c.Files, s.URL)
		}
	}
	a.cfg.Fetch(&c)
	return c
}

// quiet is the logger for the parts that tell much: their warnings and errors,
// and all if debugging was asked for.
func (a *app) quiet() *slog.Logger {
	if a.log.Enabled(context.Background(), slog.LevelDebug) {
		return a.log
	}
	return slog.New(least{slog.LevelWarn, a.log.Handler()})
}

// least lets through what is of a level.
type least struct {
	level slog.Level
	slog.Handler
}

func (l least) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= l.level && l.Handler.Enabled(ctx, level)
}

func (l least) WithAttrs(as []slog.Attr) slog.Handler { return least{l.level, l.Handler.WithAttrs(as)} }
func (l least) WithGroup(name string) slog.Handler    { return least{l.level, l.Handler.WithGroup(name)} }

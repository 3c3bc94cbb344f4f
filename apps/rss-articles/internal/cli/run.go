package cli

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/lmittmann/tint"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/configure"
)

func runCommand() command {
	var c run.Config
	var hosts list
	var feeds feedList
	var settings *configure.Settings
	var level slog.Level
	var format string
	flags := func(fs *flag.FlagSet) action {
		c.Kafka.CacheBytes = run.CacheBytes
		settings = configure.Flags(fs, &c.Kafka, configure.Optional("Brokers"),
			configure.Named("Brokers", "brokers", "`HOST:PORT,...` of a Kafka cluster, instead of the embedded broker"),
			configure.Named("StateDir", "state", "`FOLDER` for what must survive a restart; each process needs its own"),
			configure.Named("Processors", "processors", "`NAME,...` of the processors to run in this process, so that several share the work on one cluster; "+run.Fetcher+" is the fetcher,\nwhich runs in one process only. Default: all: "+strings.Join(append(run.Topology().Processors(), run.Fetcher), ", ")))
		fs.Var(&feeds, "feeds", "`URL|FILE|OPML,...` to subscribe to, instead of the sample feeds: addresses of feeds, OPML files,\nfiles with an address a line, or feed documents; may be repeated")
		fs.StringVar(&c.HTTP, "http", "127.0.0.1:8080", "`HOST:PORT` of the page and the API. There is no login: beyond this machine,\nput a proxy with one in front")
		fs.Var(&hosts, "host", "`NAME,...` by which browsers may ask for the page, besides IP addresses and localhost; * for any")
		fs.DurationVar(&c.Interval, "interval", 0, "how often to fetch a feed at least, as far as its publisher allows, such as 15m. Default: by how often it changes")
		fs.DurationVar(&c.Grace, "grace", 0, "how much longer than 72h articles are remembered as possible originals, such as 720h: for a replay,\nin which they come in another order (docs/replay.md)")
		fs.BoolVar(&c.AllowPrivate, "allow-private", false, "fetch feeds at private and local addresses too")
		fs.BoolVar(&c.Proxy, "proxy", false, "fetch through the proxy of the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY")
		fs.BoolVar(&c.Robots, "robots", false, "fetch only what the robots.txt of a host lets Millrace-RSS fetch")
		fs.TextVar(&level, "log", slog.LevelInfo, "the least `LEVEL` to log: DEBUG, INFO, WARN, ERROR")
		fs.StringVar(&format, "log-format", "text", "`text|json`")
		return func(ctx context.Context, args []string, _, errOut io.Writer) error {
			if len(args) > 0 {
				return usage("%q is not a flag; feeds are named with -feeds", args[0])
			}
			log, err := logger(errOut, level, format)
			if err != nil {
				return err
			}
			c.Logger = log
			return run.Run(ctx, c)
		}
	}
	check := func() error {
		_, ferr := logger(io.Discard, level, format)
		settings.Check = func(k pipeline.Config) error {
			c.Kafka, c.Brokers, c.State, c.Processors, c.Hosts, c.Feeds = k, k.Brokers, k.StateDir, k.Processors, hosts, feeds
			return c.Validate()
		}
		return errors.Join(settings.Load(), ferr)
	}
	return command{name: "run", about: "Run the app: with no flags on an embedded broker, with sample feeds and a page at http://127.0.0.1:8080.\nSettings with a name MILLRACE_... may also be in the environment, or in the file of -config.", flags: flags, check: check}
}

// logger logs to w: lines for people, or JSON.
func logger(w io.Writer, level slog.Level, format string) (*slog.Logger, error) {
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), nil
	case "text":
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !terminal(w)})), nil
	}
	return nil, usage("-log-format: there is no %q: use text or json", format)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// list is a flag of values that are separated by commas or given by repeating
// the flag.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			*l = append(*l, v)
		}
	}
	return nil
}

// feedList is a list of addresses and files, either of which may hold a comma.
type feedList []string

func (l *feedList) String() string { return strings.Join(*l, ",") }

func (l *feedList) Set(s string) error {
	address := false // what was last taken is an address
	for v := range strings.SplitSeq(s, ",") {
		switch {
		case strings.Contains(v, "://"):
			address = true
			*l = append(*l, strings.TrimSpace(v))
		case address && !exists(v): // the rest of an address
			(*l)[len(*l)-1] += "," + v
		case strings.TrimSpace(v) != "":
			address = false
			*l = append(*l, v)
		}
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

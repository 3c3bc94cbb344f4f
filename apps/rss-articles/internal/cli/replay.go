package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/run"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/configure"
	"github.com/millrace/millrace/pipeline/tool"
)

func replayCommand() command {
	var c pipeline.Config
	var o tool.BeginOptions
	var settings *configure.Settings
	flags := func(fs *flag.FlagSet) action {
		settings = configure.Flags(fs, &c, configure.Only("Brokers", "ApplicationID", "ClientID", "TLS", "SASL", "ConnectTimeout"))
		fs.Func("from", "`TIME` of the first items, clicks and marks to read again, such as 2026-01-31T12:00:00Z", func(s string) (err error) {
			o.From, err = time.Parse(time.RFC3339, s)
			return err
		})
		fs.Func("offset", "`TOPIC/PARTITION=OFFSET,...` of the first record to read again, such as articles.raw/0=1200; may be repeated", func(s string) error {
			return offsets(&o, s)
		})
		dry := fs.Bool("dry-run", false, "only show what would be set")
		return func(ctx context.Context, args []string, out, _ io.Writer) error {
			if len(args) > 0 {
				return usage("%q is not a flag", args[0])
			}
			c.Logger = slog.New(slog.DiscardHandler)
			plan, err := tool.Begin(ctx, c, run.Topology(), o, *dry)
			if plan != nil {
				fmt.Fprint(out, plan)
			}
			if err == nil && !*dry {
				fmt.Fprintf(out, "done: start it with rss-articles run -application-id %s, and a -state of its own\n", c.ApplicationID)
			}
			return err
		}
	}
	check := func() error {
		err := settings.Load()
		if c.ApplicationID == "" {
			err = errors.Join(err, errors.New("-application-id is missing: the new name under which the pipeline will run"))
		}
		return err
	}
	return command{name: "replay", about: "Say from where the pipeline reads when it runs anew under another application id, from a time or from offsets,\n" +
		"with topics and tables of its own. Without it such a run begins at the oldest records. See docs/replay.md.", flags: flags, check: check}
}

// offsets reads TOPIC/PARTITION=OFFSET,...
func offsets(o *tool.BeginOptions, s string) error {
	for v := range strings.SplitSeq(s, ",") {
		place, at, ok := strings.Cut(v, "=")
		i := strings.LastIndexByte(place, '/')
		if !ok || i < 1 {
			return fmt.Errorf("%q is not TOPIC/PARTITION=OFFSET", v)
		}
		partition, perr := strconv.ParseInt(place[i+1:], 10, 32)
		offset, oerr := strconv.ParseInt(at, 10, 64)
		if perr != nil || oerr != nil {
			return fmt.Errorf("%q is not TOPIC/PARTITION=OFFSET", v)
		}
		if o.Offsets == nil {
			o.Offsets = map[string]map[int32]int64{}
		}
		topic := place[:i]
		if o.Offsets[topic] == nil {
			o.Offsets[topic] = map[int32]int64{}
		}
		o.Offsets[topic][int32(partition)] = offset
	}
	return nil
}

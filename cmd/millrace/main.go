// Command millrace does what operators do to a topology from outside:
//
//	millrace dead-letters list -brokers HOST:PORT -topic TOPIC
//	millrace dead-letters replay -brokers HOST:PORT -topic TOPIC -dry-run
//	millrace reset -brokers HOST:PORT -app TOPOLOGY -dry-run
//
// Each has -h. It ends with 0, or 1 after an error, or 2 for wrong arguments.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/tool"
)

const usage = `usage:
  millrace dead-letters list -brokers HOST:PORT,... -topic TOPIC [filters]
  millrace dead-letters replay -brokers HOST:PORT,... -topic TOPIC [filters] [-limit N] [-group GROUP] [-dry-run]
  millrace reset -brokers HOST:PORT,... -app TOPOLOGY [-processor NAME,...] [-to TIME] [-new-app NAME] [-delete TOPIC,...] [-state-dir DIR] [-dry-run]

filters: -processor NAME  -stage STAGE  -source TOPIC  -key KEY  -error TEXT  -since TIME  -until TIME
A TIME is like 2026-01-31T12:00:00Z.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errUsage says that the arguments are wrong; what is wrong was written.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &command{out: stdout, flags: flag.NewFlagSet("millrace", flag.ContinueOnError)}
	c.flags.SetOutput(stderr)
	c.flags.Usage = func() { fmt.Fprint(stderr, usage) }
	var brokers string
	c.flags.StringVar(&brokers, "brokers", "", "addresses of the cluster, host:port, separated by commas")
	c.cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.cfg.ClientID = "millrace-tool"

	do, rest := c.find(args)
	if do == nil {
		fmt.Fprint(stderr, usage)
		return 2
	}
	if err := c.flags.Parse(rest); err != nil {
		return 2
	}
	if c.flags.NArg() > 0 {
		fmt.Fprintf(stderr, "millrace: unexpected argument %q\n%s", c.flags.Arg(0), usage)
		return 2
	}
	c.cfg.Brokers = split(brokers)
	err := do(ctx)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "millrace: %v\n%s", err, usage)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "millrace: %v\n", err)
		return 1
	}
	return 0
}

type command struct {
	flags *flag.FlagSet
	cfg   pipeline.Config
	out   io.Writer
}

// find declares the flags of the command that args begin with.
func (c *command) find(args []string) (do func(context.Context) error, rest []string) {
	words := strings.Join(args[:min(2, len(args))], " ")
	switch {
	case words == "dead-letters list":
		return c.list(), args[2:]
	case words == "dead-letters replay":
		return c.replay(), args[2:]
	case len(args) > 0 && args[0] == "reset":
		return c.reset(), args[1:]
	}
	return nil, nil
}

func (c *command) filter(f *tool.Filter) {
	c.flags.StringVar(&f.Processor, "processor", "", "dead letters of this processor")
	c.flags.StringVar(&f.Stage, "stage", "", "dead letters of this stage: decode, handle, panic or encode")
	c.flags.StringVar(&f.Topic, "source", "", "dead letters that came from this topic")
	c.flags.StringVar(&f.Key, "key", "", "dead letters with this key")
	c.flags.StringVar(&f.Error, "error", "", "dead letters with this text in their error")
	c.time(&f.Since, "since", "dead letters that failed at this time or later")
	c.time(&f.Until, "until", "dead letters that failed before this time")
}

func (c *command) time(t *time.Time, name, help string) {
	c.flags.Func(name, help, func(s string) (err error) {
		*t, err = time.Parse(time.RFC3339, s)
		return err
	})
}

// list prints a line of JSON for each dead letter.
func (c *command) list() func(context.Context) error {
	var f tool.Filter
	c.filter(&f)
	topic := c.flags.String("topic", "", "the dead-letter topic")
	return func(ctx context.Context) error {
		if *topic == "" {
			return fmt.Errorf("%w: -topic is missing", errUsage)
		}
		out := json.NewEncoder(c.out)
		return tool.DeadLetters(ctx, c.cfg, *topic, f, func(l tool.Letter) error { return out.Encode(l) })
	}
}

func (c *command) replay() func(context.Context) error {
	var o tool.ReplayOptions
	c.filter(&o.Filter)
	c.flags.StringVar(&o.Topic, "topic", "", "the dead-letter topic")
	c.flags.IntVar(&o.Limit, "limit", 0, "put back as many; 0: all that are there")
	c.flags.StringVar(&o.Group, "group", "", "consumer group that notes the progress")
	c.flags.BoolVar(&o.DryRun, "dry-run", false, "only show what would be put back")
	return func(ctx context.Context) error {
		if o.Topic == "" {
			return fmt.Errorf("%w: -topic is missing", errUsage)
		}
		o.Each = func(l tool.Letter) {
			fmt.Fprintf(c.out, "%s/%d/%d -> %s/%d key %q: %s\n", o.Topic, l.Partition, l.Offset, l.Source.Topic, l.Source.Partition, l.Key, l.Error)
		}
		done, err := tool.Replay(ctx, c.cfg, o)
		verb := "put back"
		if o.DryRun {
			verb = "would be put back"
		}
		fmt.Fprintf(c.out, "%d %s, %d left out by the filter, %d no dead letters\n", done.Replayed, verb, done.LeftOut, done.Foreign)
		return err
	}
}

func (c *command) reset() func(context.Context) error {
	var o tool.ResetOptions
	list := func(to *[]string, name, help string) {
		c.flags.Func(name, help, func(s string) error { *to = append(*to, split(s)...); return nil })
	}
	c.flags.StringVar(&o.App, "app", "", "the topology's name")
	list(&o.Processors, "processor", "only these processors, separated by commas")
	c.time(&o.To, "to", "read the inputs from this time on, instead of from the oldest records")
	c.flags.StringVar(&o.NewApp, "new-app", "", "the name under which the topology will run: the old positions stay")
	list(&o.Delete, "delete", "inputs or outputs to be deleted as well, separated by commas")
	c.flags.StringVar(&c.cfg.StateDir, "state-dir", "", "the state folder on this machine; default millrace-state")
	dry := c.flags.Bool("dry-run", false, "only show what would be done")
	return func(ctx context.Context) error {
		if o.App == "" {
			return fmt.Errorf("%w: -app is missing", errUsage)
		}
		plan, err := tool.Reset(ctx, c.cfg, o, *dry)
		if plan != nil {
			fmt.Fprint(c.out, plan)
		}
		if err == nil && !*dry {
			fmt.Fprintln(c.out, "done")
		}
		return err
	}
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

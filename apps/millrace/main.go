// Command millrace does what operators do to a topology from outside:
//
//	millrace dead-letters list -brokers HOST:PORT -topic TOPIC
//	millrace dead-letters replay -brokers HOST:PORT -topic TOPIC -dry-run
//	millrace reset -brokers HOST:PORT -app TOPOLOGY -dry-run
//	millrace lag -brokers HOST:PORT -app TOPOLOGY -wait 10m
//
// Each has -h. How to connect (addresses, TLS, user and password) also comes
// from the file and the environment of the service, as docs/configuration.md
// says. It ends with 0, or 1 after an error, or 2 for wrong arguments, all of
// which are in one message.
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
	"github.com/millrace/millrace/pipeline/configure"
	"github.com/millrace/millrace/pipeline/tool"
)

const usage = `usage:
  millrace dead-letters list -brokers HOST:PORT,... -topic TOPIC [filters]
  millrace dead-letters replay -brokers HOST:PORT,... -topic TOPIC [filters] [-limit N] [-group GROUP] [-dry-run]
  millrace reset -brokers HOST:PORT,... -app TOPOLOGY [-processor NAME,...] [-to TIME] [-new-app NAME] [-delete TOPIC,...] [-state-dir DIR] [-dry-run]
  millrace lag -brokers HOST:PORT,... -app TOPOLOGY [-processor NAME,...] [-wait DURATION]

Each has -h with all flags. How to connect comes from a file (-config), the environment or flags: docs/configuration.md.

filters: -processor NAME  -stage STAGE  -source TOPIC  -key KEY  -error TEXT  -since TIME  -until TIME
A TIME is like 2026-01-31T12:00:00Z.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &command{out: stdout, flags: flag.NewFlagSet("millrace", flag.ContinueOnError)}
	c.flags.SetOutput(io.Discard)
	c.cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.cfg.ClientID = "millrace-tool"

	do, rest := c.find(args)
	if do == nil {
		fmt.Fprint(stderr, usage)
		return 2
	}
	only := []string{"Brokers", "ClientID", "TLS", "SASL", "ConnectTimeout"}
	if c.local {
		only = append(only, "StateDir")
	}
	settings := configure.Flags(c.flags, &c.cfg, configure.Only(only...))
	err := configure.Parse(c.flags, rest)
	if errors.Is(err, flag.ErrHelp) {
		c.help(stderr)
		return 0
	}
	wrong := []error{err}
	if c.flags.NArg() > 0 {
		wrong = append(wrong, fmt.Errorf("unexpected argument %q", c.flags.Arg(0)))
	}
	for _, name := range c.required {
		if c.flags.Lookup(name).Value.String() == "" {
			wrong = append(wrong, fmt.Errorf("-%s is missing", name))
		}
	}
	if err := errors.Join(append(wrong, settings.Load())...); err != nil {
		fmt.Fprintf(stderr, "millrace: %v\n%s", err, usage)
		return 2
	}
	if err := do(ctx); err != nil {
		fmt.Fprintf(stderr, "millrace: %v\n", err)
		return 1
	}
	return 0
}

type command struct {
	flags *flag.FlagSet
	cfg   pipeline.Config
	out   io.Writer

	required []string // flags
	local    bool     // it has to do with the state folder
}

// help shows the flags of the command.
func (c *command) help(w io.Writer) {
	fmt.Fprint(w, usage+"\nflags:\n")
	c.flags.SetOutput(w)
	c.flags.PrintDefaults()
}

// find declares the flags of the command that args begin with.
func (c *command) find(args []string) (do func(context.Context) error, rest []string) {
	words := strings.Join(args[:min(2, len(args))], " ")
	switch {
	case words == "dead-letters list":
		return c.letters(), args[2:]
	case words == "dead-letters replay":
		return c.replay(), args[2:]
	case len(args) > 0 && args[0] == "reset":
		return c.reset(), args[1:]
	case len(args) > 0 && args[0] == "lag":
		return c.lag(), args[1:]
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

// letters prints a line of JSON for each dead letter.
func (c *command) letters() func(context.Context) error {
	var f tool.Filter
	c.filter(&f)
	topic := c.flags.String("topic", "", "the dead-letter topic")
	c.required = []string{"topic"}
	return func(ctx context.Context) error {
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
	c.required = []string{"topic"}
	return func(ctx context.Context) error {
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

func (c *command) list(to *[]string, name, help string) {
	c.flags.Func(name, help, func(s string) error { *to = append(*to, split(s)...); return nil })
}

func (c *command) reset() func(context.Context) error {
	var o tool.ResetOptions
	c.flags.StringVar(&o.App, "app", "", "the topology's name")
	c.list(&o.Processors, "processor", "only these processors, separated by commas")
	c.time(&o.To, "to", "read the inputs from this time on, instead of from the oldest records")
	c.flags.StringVar(&o.NewApp, "new-app", "", "the name under which the topology will run: the old positions stay")
	c.list(&o.Delete, "delete", "inputs or outputs to be deleted as well, separated by commas")
	dry := c.flags.Bool("dry-run", false, "only show what would be done")
	c.required, c.local = []string{"app"}, true
	return func(ctx context.Context) error {
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

// lag prints a line for each topic that is read, and with -wait waits until
// nothing is behind.
func (c *command) lag() func(context.Context) error {
	var o tool.LagOptions
	c.flags.StringVar(&o.App, "app", "", "the topology's name, or its application id")
	c.list(&o.Processors, "processor", "only these processors, separated by commas")
	wait := c.flags.Duration("wait", 0, "wait so long for all to be read; more is an error")
	c.required = []string{"app"}
	return func(ctx context.Context) error {
		print := func(all []tool.Lag) {
			for _, l := range all {
				fmt.Fprintf(c.out, "%s %s position %d lag %d\n", l.Processor, l.Topic, l.Position, l.Lag)
			}
		}
		if *wait <= 0 {
			all, err := tool.Lags(ctx, c.cfg, o)
			print(all)
			return err
		}
		ctx, cancel := context.WithTimeoutCause(ctx, *wait, fmt.Errorf("application %s has not caught up within %v", o.App, *wait))
		defer cancel()
		var last []tool.Lag
		o.Each = func(all []tool.Lag) { last = all }
		err := tool.AwaitCaughtUp(ctx, c.cfg, o)
		print(last)
		return err
	}
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

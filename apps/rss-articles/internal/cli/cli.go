package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pipeline/configure"
)

// Exit codes.
const (
	OK     = 0
	Failed = 1
	Usage  = 2
)

// command is a word of the command line.
type command struct {
	name  string
	args  string // after the flags, in help
	about string
	// flags declares the flags and returns what runs with them.
	flags func(*flag.FlagSet) action
	// check, if not nil, says what is wrong with the flags, after flags.
	check func() error
}

// action runs a command with the words that follow its flags.
type action func(ctx context.Context, args []string, out, errOut io.Writer) error

// usageError is a command line that is wrong.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func commands() []command {
	return []command{runCommand(), replayCommand(), topologyCommand(), parseCommand(), evalDedupeCommand(), evalMatchCommand(),
		evalClicksCommand(), evalReadersCommand(), versionCommand()}
}

// Main runs a command line, without the program's name, and returns the exit
// code. An interrupt ends the command in order, a second one at once.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// From the first signal on, the next has its usual effect.
	context.AfterFunc(ctx, stop)
	return Run(ctx, args, out, errOut)
}

// Run is Main without signals.
func Run(ctx context.Context, args []string, out, errOut io.Writer) int {
	all := commands()
	cmd := all[0] // run
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		found := false
		for _, c := range all {
			if c.name == args[0] {
				cmd, found = c, true
			}
		}
		if args[0] == "help" {
			help(out, all)
			return OK
		}
		if !found {
			fmt.Fprintf(errOut, "rss-articles: there is no command %q; rss-articles -help lists them\n", args[0])
			return Usage
		}
		args = args[1:]
	}
	fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := cmd.flags(fs)
	err := configure.Parse(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		help(out, all)
		return OK
	}
	if cmd.check != nil {
		err = errors.Join(err, cmd.check())
	}
	if err != nil {
		err = usageError{err}
	} else {
		err = run(ctx, fs.Args(), out, errOut)
	}
	var wrong usageError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &wrong):
		fmt.Fprintf(errOut, "rss-articles %s: %v\nrss-articles -help shows all commands and flags\n", cmd.name, err)
		return Usage
	case errors.Is(err, errSaid):
		return Failed
	}
	fmt.Fprintf(errOut, "rss-articles %s: %v\n", cmd.name, err)
	return Failed
}

// errSaid is a failure whose message was written already.
var errSaid = errors.New("failed")

// help shows all commands with all flags.
func help(w io.Writer, all []command) {
	fmt.Fprint(w, "rss-articles reads feeds, sets copies aside and recommends articles to readers.\n\n")
	for _, c := range all {
		fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.flags(fs)
		line := "rss-articles " + c.name
		if c.name == "run" {
			line = "rss-articles [run]"
		}
		some := false
		fs.VisitAll(func(*flag.Flag) { some = true })
		if some {
			line += " [flags]"
		}
		if c.args != "" {
			line += " " + c.args
		}
		fmt.Fprintf(w, "%s\n    %s\n", line, strings.ReplaceAll(c.about, "\n", "\n    "))
		fs.VisitAll(func(f *flag.Flag) {
			name, about := flag.UnquoteUsage(f)
			if name != "" {
				name = " " + name
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" && f.DefValue != "0" {
				about += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(w, "    -%s%s\n        %s\n", f.Name, name, strings.ReplaceAll(about, "\n", "\n        "))
		})
		fmt.Fprintln(w)
	}
}

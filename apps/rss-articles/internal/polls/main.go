package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := do(ctx, os.Args[1:], os.Stdout); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "polls:", err)
		stop()
		os.Exit(1)
	}
}

func do(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("give generate or run")
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "generate":
		rounds := f.Int("rounds", 1, "how often all polls are repeated")
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		if f.NArg() != 1 || *rounds < 1 {
			return errors.New("generate: give the folder with the polls, and at least one round")
		}
		return generate(out, f.Arg(0), *rounds, time.Now())
	case "run":
		s := settings{}
		s.declare(f)
		if err := f.Parse(args[1:]); err != nil {
			return err
		}
		return run(ctx, s)
	}
	return fmt.Errorf("%s: give generate or run", args[0])
}

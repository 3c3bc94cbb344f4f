package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/measure"
	"github.com/millrace/millrace/bench/internal/report"
	"github.com/millrace/millrace/bench/internal/stage"
	"github.com/millrace/millrace/bench/internal/workload"
)

// options is the command line.
type options struct {
	workloads, contenders string
	records, rounds       int
	partitions            int
	commit, timeout       time.Duration
	heap                  string
	out, profiles         string
}

func main() {
	var o options
	flag.StringVar(&o.workloads, "workloads", "", "names, with commas between; default all")
	flag.StringVar(&o.contenders, "contenders", "", "names, with commas between; default all")
	flag.IntVar(&o.records, "records", 5_000_000, "of an input")
	flag.IntVar(&o.rounds, "rounds", 3, "of each contender on each workload")
	flag.IntVar(&o.partitions, "partitions", 4, "of each topic")
	flag.DurationVar(&o.commit, "commit", 100*time.Millisecond, "commit interval of every contender")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "of one run")
	flag.StringVar(&o.heap, "heap", "512m", "greatest heap of a JVM")
	flag.StringVar(&o.out, "out", "", "folder to write results.md and the plots to; default: to standard output only")
	flag.StringVar(&o.profiles, "profiles", "", "folder for profiles of the contenders in Go; default none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func bench(ctx context.Context, o options) error {
	workloads, contenders, err := choose(o)
	if err != nil {
		return err
	}
	st, err := stage.Open(ctx, contenders, o.partitions)
	if err != nil {
		return err
	}
	defer st.Close()
	b := &measure.Bench{Root: st.Root, Dir: st.Dir, Brokers: st.Brokers, Topics: st.Topics, Partitions: o.partitions,
		Commit: o.commit, Timeout: o.timeout, Profiles: o.profiles}

	rep := report.New(fmt.Sprintf("go run ./bench %s", strings.Join(os.Args[1:], " ")))
	for _, w := range workloads {
		if err := measureAll(ctx, b, rep, w, contenders, o); err != nil {
			return err
		}
	}
	rep.Ratios(os.Stdout)
	if o.out == "" {
		return nil
	}
	return rep.Write(o.out)
}

// measureAll runs every contender on a workload, in turn, and prints what each
// run cost as it ends.
func measureAll(ctx context.Context, b *measure.Bench, rep *report.Report, w workload.Workload, contenders []contender.Contender, o options) error {
	n := o.records
	switch {
	case w.Rate > 0:
		n = w.Rate * 20
	case w.Restore:
		n = w.Keys
	case w.Kind == workload.Dedupe: // so many that the keys are used up by the end
		n = min(n, int(float64(w.Keys)/(1-w.Repeats)))
	}
	if err := b.Prepare(ctx, w, n); err != nil {
		return fmt.Errorf("%s: input: %w", w.Name, err)
	}
	for round := range o.rounds {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)] // nobody is always first
			if !c.Can(w.Kind) {
				continue
			}
			r, err := b.Run(ctx, w, c, n, round)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // of one contender; the others go on
				fmt.Fprintln(os.Stderr, "bench:", err)
				rep.Fail(w.Name, c.Name, err)
				continue
			}
			rep.Add(r)
			rep.Line(os.Stdout, r)
		}
	}
	return nil
}

func choose(o options) (ws []workload.Workload, cs []contender.Contender, err error) {
	ws = workload.All()
	if o.workloads != "" {
		ws = nil
		for _, name := range strings.Split(o.workloads, ",") {
			w, err := workload.Find(name)
			if err != nil {
				return nil, nil, err
			}
			ws = append(ws, w)
		}
	}
	cs = contender.All(o.heap)
	if o.contenders != "" {
		names := strings.Split(o.contenders, ",")
		for _, name := range names {
			if !slices.ContainsFunc(cs, func(c contender.Contender) bool { return c.Name == name }) {
				return nil, nil, fmt.Errorf("no contender %q", name)
			}
		}
		cs = slices.DeleteFunc(cs, func(c contender.Contender) bool { return !slices.Contains(names, c.Name) })
	}
	return ws, cs, nil
}

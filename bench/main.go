package main

import (
	"context"
	"errors"
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
	limit                 time.Duration
	heap                  string
	heaps, heapWorkload   string
	sizes                 []measure.Heap // heaps, read
	out, profiles         string
}

func main() {
	var o options
	flag.StringVar(&o.workloads, "workloads", "", "names, with commas between; default all")
	flag.StringVar(&o.contenders, "contenders", "", "names, with commas between; default all")
	flag.IntVar(&o.records, "records", 5_000_000, "of an input")
	flag.IntVar(&o.rounds, "rounds", 1, "of each contender on each workload")
	flag.IntVar(&o.partitions, "partitions", 4, "of each topic")
	flag.DurationVar(&o.commit, "commit", 100*time.Millisecond, "commit interval of every contender")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "of one run")
	flag.DurationVar(&o.limit, "limit", 15*time.Second, "of the measured part of a run, of every contender but Millrace; 0: none")
	flag.StringVar(&o.heaps, "heaps", "", "sizes such as 64m,512m: find the smallest heap at which Kafka Streams loses less than 5 % of its throughput; default: not")
	flag.StringVar(&o.heapWorkload, "heap-workload", "count-1m", "the workload for -heaps")
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
	began := time.Now()
	workloads, contenders, err := choose(o)
	if err != nil {
		return err
	}
	if o.sizes, err = measure.ParseHeaps(o.heaps); err != nil {
		return err
	}
	st, err := stage.Open(ctx, contenders, o.partitions)
	if err != nil {
		return err
	}
	defer st.Close()
	rep := report.New(fmt.Sprintf("go run ./bench %s", strings.Join(os.Args[1:], " ")), report.Look(ctx, st.Root, settings(o)))
	contenders = slices.DeleteFunc(contenders, func(c contender.Contender) bool {
		err := st.Missing[c.Name]
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", c.Name, err)
			rep.Missing(c.Name, err)
		}
		return err != nil
	})
	b := &measure.Bench{Root: st.Root, Dir: st.Dir, Brokers: st.Brokers, Topics: st.Topics, Partitions: o.partitions,
		Commit: o.commit, Timeout: o.timeout, Limit: o.limit, Profiles: o.profiles}
	if len(contenders) == 0 {
		return errors.New("no contender is left")
	}
	if err := warm(ctx, b, contenders); err != nil {
		return err
	}
	var failed []error
	for _, w := range workloads {
		if err := measureAll(ctx, b, rep, w, contenders, o); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil { // of one workload; the others go on
			fmt.Fprintln(os.Stderr, "bench:", err)
			failed = append(failed, err)
		}
		rep.Took(time.Since(began))
		if o.out == "" {
			continue
		}
		if err := rep.Write(o.out); err != nil { // now: an hour is long
			return err
		}
	}
	rep.Ratios(os.Stdout)
	return errors.Join(failed...)
}

// settings says what all contenders have in common.
func settings(o options) string {
	return fmt.Sprintf("%d partitions, 3 replicas, acknowledgement by all in sync, no compression, commits every %v, "+
		"JVM heaps of at most %s; %d rounds of up to %d records; contenders but Millrace are measured for %v at most",
		o.partitions, o.commit, o.heap, o.rounds, o.records, o.limit)
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

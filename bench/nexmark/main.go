// Command nexmark runs the queries of NEXMark on a real three-broker Kafka, in
// Millrace and in Kafka Streams: checks the results against a computation over
// all events at once, and measures what a million events cost of processor time
// and wall time.
//
//	go run ./bench/nexmark
//	go run ./bench/nexmark -events 300000 -warm 100000 -queries q0,q5
//
// A query runs as a process of its own, exactly-once. The first events warm it.
// When they are committed, and what its steps have sent each other, the others
// are released, all at once, and the cost is counted until they are committed.
// Each event is counted once, however many steps handle it.
//
// Package auction has the events and the queries; run.go is a run, watch.go what
// is seen of its process, table.go what is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/stage"
	"github.com/millrace/millrace/bench/nexmark/auction"
)

// options is the command line.
type options struct {
	events     int
	warm       int
	perSecond  int64
	seed       uint64
	queries    string
	contenders string
	partitions int
	commit     time.Duration
	timeout    time.Duration
	heap       string
	out        string

	// Of the process that runs a query, which this program starts of itself.
	query, app, input, state, brokers string
}

func main() {
	var o options
	flag.IntVar(&o.events, "events", 400_000, "number of events")
	flag.IntVar(&o.warm, "warm", 150_000, "so many of them, the first, are not measured")
	flag.Int64Var(&o.perSecond, "per-second", 10_000, "events in a second of their own time")
	flag.Uint64Var(&o.seed, "seed", 1, "of the events")
	flag.StringVar(&o.queries, "queries", "", "names, with commas between; default all")
	flag.StringVar(&o.contenders, "contenders", "millrace,kafka-streams", "names, with commas between")
	flag.IntVar(&o.partitions, "partitions", 4, "of each topic")
	flag.DurationVar(&o.commit, "commit", 100*time.Millisecond, "commit interval")
	flag.DurationVar(&o.timeout, "timeout", 3*time.Minute, "of one run")
	flag.StringVar(&o.heap, "heap", "512m", "greatest heap of a JVM")
	flag.StringVar(&o.out, "out", "", "file whose table of figures is replaced; default: it is printed only")
	flag.StringVar(&o.query, "query", "", "run this query until a signal; it is how the program starts itself")
	flag.StringVar(&o.app, "app", "", "with -query: the application's name")
	flag.StringVar(&o.input, "input", "", "with -query: the topic of events")
	flag.StringVar(&o.state, "state", "", "with -query: the state folder")
	flag.StringVar(&o.brokers, "brokers", "", "with -query: addresses, with commas between")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := bench
	if o.query != "" {
		do = serve
	}
	if err := do(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "nexmark:", err)
		stop()
		os.Exit(1)
	}
}

func bench(ctx context.Context, o options) (err error) {
	if o.warm <= 0 || o.warm >= o.events {
		return fmt.Errorf("-warm %d: want some, and less than -events %d", o.warm, o.events)
	}
	queries := auction.Queries()
	if o.queries != "" {
		queries = nil
		for _, name := range strings.Split(o.queries, ",") {
			q, err := auction.Find(name)
			if err != nil {
				return err
			}
			queries = append(queries, q)
		}
	}
	var built []contender.Contender
	for _, name := range strings.Split(o.contenders, ",") {
		c, err := contender.Find(name, o.heap)
		if err == nil && name != millrace && name != streams {
			err = fmt.Errorf("contender %s has no queries", name)
		}
		if err != nil {
			return err
		}
		built = append(built, c)
	}
	st, err := stage.Open(ctx, built, o.partitions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	var failed []error
	t := newTable(ctx, st.Root, o)
	for _, q := range queries {
		for _, c := range built {
			r, err := measure(ctx, st, o, q, c.Name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // of one query; the others go on
				err = fmt.Errorf("%s on %s: %w", c.Name, q.Name, err)
				fmt.Println(err)
				failed = append(failed, err)
				continue
			}
			fmt.Printf("%-4s %-14s %8.0f events/s %7.2f CPU s/M %8d outputs, after a warm-up of %.1f s\n", q.Name, c.Name,
				r.rate(), r.perMillion(), r.outputs, r.warming.Seconds())
			t.add(q, c.Name, r)
		}
	}
	fmt.Printf("\n%s", t)
	if o.out != "" && len(failed) == 0 {
		failed = append(failed, t.into(o.out))
	}
	return errors.Join(failed...)
}

// The contenders, by name.
const millrace, streams = "millrace", "kafka-streams"

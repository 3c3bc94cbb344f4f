// Command nexmark runs the queries of NEXMark on a real three-broker Kafka:
// checks the results against a computation over all events at once, and
// measures what a million events cost of processor time and wall time.
// Kafka Streams does q0, q1 and q2 beside it.
//
//	go run ./bench/nexmark
//	go run ./bench/nexmark -events 200000 -queries q0,q5
//
// A query runs as a process of its own, exactly-once, until it has committed all
// events and its steps what they have sent each other. The cost is counted from
// the moment when a fifth of the events is committed. Each event is counted once,
// however many steps handle it.
//
// Package auction has the events and the queries; run.go is a run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/stage"
	"github.com/millrace/millrace/bench/internal/workload"
	"github.com/millrace/millrace/bench/nexmark/auction"
)

// options is the command line.
type options struct {
	events     int
	perSecond  int64
	seed       uint64
	queries    string
	contenders string
	partitions int
	commit     time.Duration
	timeout    time.Duration
	heap       string

	// Of the process that runs a query, which this program starts of itself.
	query, app, input, state, brokers string
}

func main() {
	var o options
	flag.IntVar(&o.events, "events", 1_000_000, "number of events")
	flag.Int64Var(&o.perSecond, "per-second", 10_000, "events in a second of their own time")
	flag.Uint64Var(&o.seed, "seed", 1, "of the events")
	flag.StringVar(&o.queries, "queries", "", "names, with commas between; default all")
	flag.StringVar(&o.contenders, "contenders", "millrace,kafka-streams", "names, with commas between")
	flag.IntVar(&o.partitions, "partitions", 4, "of each topic")
	flag.DurationVar(&o.commit, "commit", 100*time.Millisecond, "commit interval")
	flag.DurationVar(&o.timeout, "timeout", 10*time.Minute, "of one run")
	flag.StringVar(&o.heap, "heap", "512m", "greatest heap of a JVM")
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

// streams are the queries that Kafka Streams has a counterpart of.
var streams = []string{"q0", "q1", "q2"}

func bench(ctx context.Context, o options) (err error) {
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
	names := strings.Split(o.contenders, ",")
	var built []contender.Contender
	for _, c := range contender.All(o.heap) {
		if c.Name == "kafka-streams" && slices.Contains(names, c.Name) {
			built = append(built, c)
		}
	}
	st, err := stage.Open(ctx, built, o.partitions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.Topics.Make(ctx, input, false); err != nil {
		return err
	}
	if err := st.Topics.Fill(ctx, input, records(o.all())); err != nil {
		return err
	}
	fmt.Printf("%-5s %-14s %10s %10s %10s   %s\n", "query", "contender", "events/s", "CPU s/M", "outputs", "what")
	var failed []error
	for _, q := range queries {
		for _, name := range names {
			if name != "millrace" && !slices.Contains(streams, q.Name) {
				continue
			}
			r, err := measure(ctx, st, o, q, name)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil { // of one query; the others go on
				fmt.Printf("%-5s %-14s failed: %v\n", q.Name, name, err)
				failed = append(failed, fmt.Errorf("%s on %s: %w", name, q.Name, err))
				continue
			}
			fmt.Printf("%-5s %-14s %10.0f %10.2f %10d   %s\n", q.Name, name, float64(r.events)/r.wall.Seconds(),
				r.cpu.Seconds()/float64(r.events)*1e6, r.outputs, q.What)
		}
	}
	return errors.Join(failed...)
}

const input = "events"

func (o options) all() iter.Seq[auction.Event] { return auction.Events(o.events, o.perSecond, o.seed) }

func records(events iter.Seq[auction.Event]) iter.Seq[workload.Record] {
	return func(yield func(workload.Record) bool) {
		for e := range events {
			if !yield(workload.Record{Key: []byte(e.Key()), Value: e.Append(nil)}) {
				return
			}
		}
	}
}

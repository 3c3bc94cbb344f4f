// Command growth measures how the cost of a record grows: with the number of
// partitions, of keys and of processes, and with the length of the values.
// Kafka Streams does the same beside Millrace where that is cheap. It takes
// about a quarter of an hour.
//
//	go run ./bench/growth -out docs/benchmarks
//	go run ./bench/growth -axes partitions -records 200000
//
// One thing grows, the others stay: 4 partitions, 10,000 keys, 100 bytes, one
// process, and a count of each key whose updates all go to a topic, exactly-once.
// The lengths of values are those of a copy. axes.go has the places that are
// measured, table.go what is written of them.
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
	"github.com/millrace/millrace/bench/internal/topics"
)

// options is the command line.
type options struct {
	axes, contenders       string
	records                int
	commit, limit, timeout time.Duration
	heap, out, profiles    string
}

func main() {
	var o options
	flag.StringVar(&o.axes, "axes", "", "of partitions, keys, bytes and instances, with commas between; default all")
	flag.StringVar(&o.contenders, "contenders", "millrace,kafka-streams", "names, with commas between")
	flag.IntVar(&o.records, "records", 1_500_000, "of an input; fewer where they are long, and more where the keys are many")
	flag.DurationVar(&o.commit, "commit", 100*time.Millisecond, "commit interval of every contender")
	flag.DurationVar(&o.limit, "limit", 10*time.Second, "of the measured part of a run, of every contender but Millrace")
	flag.DurationVar(&o.timeout, "timeout", 5*time.Minute, "of one run")
	flag.StringVar(&o.heap, "heap", "512m", "greatest heap of a JVM")
	flag.StringVar(&o.out, "out", "", "folder to write growth.md and the plots to; default: to standard output only")
	flag.StringVar(&o.profiles, "profiles", "", "folder, which exists, for profiles of the contenders in Go; default none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := grow(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
		stop()
		os.Exit(1)
	}
}

func grow(ctx context.Context, o options) (err error) {
	began := time.Now()
	chosen, err := choose(o.axes, o.records)
	if err != nil {
		return err
	}
	var contenders []contender.Contender
	for _, name := range strings.Split(o.contenders, ",") {
		c, err := contender.Find(name, o.heap)
		if err != nil {
			return err
		}
		contenders = append(contenders, c)
	}
	st, err := stage.Open(ctx, contenders, 4)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	env := report.Look(ctx, st.Root, fmt.Sprintf("3 replicas, acknowledgement by all in sync, no compression, commits every %v, JVM heaps of at most %s, Kafka Streams measured for %v at most",
		o.commit, o.heap, o.limit))
	var results []result
	run := 0
	for _, a := range chosen {
		for _, p := range a.places {
			for _, c := range contenders {
				if st.Missing[c.Name] != nil || !c.Whole && slices.Contains(a.alone, p.x) {
					continue
				}
				run++
				m, err := one(ctx, st, o, p, c, run)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				r := result{axis: a.name, place: p, contender: c.Name, Result: m, err: err}
				results = append(results, r)
				fmt.Println(r)
			}
		}
	}
	if o.out == "" {
		return nil
	}
	return write(o.out, strings.TrimSpace("go run ./bench/growth "+strings.Join(os.Args[1:], " ")), env, time.Since(began), chosen, results)
}

// one measures a contender at a place. The input is its own: most of it is held
// back until the contender has worked on the first records.
func one(ctx context.Context, st *stage.Stage, o options, p place, c contender.Contender, run int) (m measure.Result, err error) {
	t, err := topics.Open(st.Brokers, p.partitions)
	if err != nil {
		return m, err
	}
	defer t.Close()
	b := &measure.Bench{Root: st.Root, Dir: st.Dir, Brokers: st.Brokers, Topics: t, Partitions: p.partitions, Instances: p.instances,
		Warm: p.warm, Commit: o.commit, Timeout: o.timeout, Limit: o.limit, Profiles: o.profiles}
	p.workload.Variant += fmt.Sprint("-", run)
	defer func() {
		after, done := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer done()
		err = errors.Join(err, b.Clear(after, p.workload))
	}()
	if err := b.Hold(ctx, p.workload, p.records); err != nil {
		return m, err
	}
	defer b.Held.Close()
	return b.Run(ctx, p.workload, c, p.records, run)
}

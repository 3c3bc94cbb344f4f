// Command failover measures how long an application with a million keys of
// state is without processing: when one of its two instances is killed with
// -9, with and without standby replicas; and when all of it is killed and one
// instance is started again with its state folder, after the session of the
// killed one and at once. Kafka Streams does the same
// beside it, with the same state, load and session timeout.
//
//	go run ./bench/failover -out docs/benchmarks/failover.md
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/contender"
	"github.com/millrace/millrace/bench/internal/stage"
)

// options is the command line.
type options struct {
	keys       string
	contenders string
	standbys   string
	rounds     int
	partitions int
	session    time.Duration
	heap       string
	log        bool
	out        string
}

// figures are what one run measured.
type figures struct {
	contender      string
	standbys, keys int
	failover       []time.Duration // the longest silence of each partition, in order
	restart        time.Duration
	atOnce         time.Duration // a restart while the session of the killed one goes on
}

func main() {
	var o options
	flag.StringVar(&o.keys, "keys", "1000000", "numbers of keys, with commas between")
	flag.StringVar(&o.contenders, "contenders", "millrace,millrace-peers,kafka-streams", "names, with commas between; those of millrace-peers watch each other (Config.PeerAddress)")
	flag.StringVar(&o.standbys, "standbys", "0,1", "numbers of standby replicas, with commas between")
	flag.IntVar(&o.rounds, "rounds", 1, "of everything")
	flag.IntVar(&o.partitions, "partitions", 4, "of each topic")
	flag.DurationVar(&o.session, "session", 6*time.Second, "session timeout of every contender")
	flag.StringVar(&o.heap, "heap", "1g", "greatest heap of a JVM")
	flag.BoolVar(&o.log, "log", false, "contenders written in Go log to standard error")
	flag.StringVar(&o.out, "out", "", "file for the table; default: standard output only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	keys, err1 := numbers(o.keys)
	standbys, err2 := numbers(o.standbys)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("-keys %s, -standbys %s: give whole numbers", o.keys, o.standbys)
	}
	var contenders []contender.Contender
	for _, c := range contender.All(o.heap) {
		if slices.Contains(strings.Split(o.contenders, ","), c.Name) {
			contenders = append(contenders, c)
		}
		if c.Name += peersSuffix; slices.Contains(strings.Split(o.contenders, ","), c.Name) {
			contenders = append(contenders, c)
		}
	}
	st, err := stage.Open(ctx, contenders, o.partitions)
	if err != nil {
		return err
	}
	defer st.Close()
	table := header(o)
	fmt.Print(table)
	for round := range o.rounds {
		for _, k := range keys {
			for _, s := range standbys {
				for _, c := range contenders {
					app := fmt.Sprintf("failover-%s-%d-%d-%d", c.Name, s, k, round)
					e := &experiment{c: c, topics: st.Topics, keys: k, partitions: o.partitions, app: app, dir: filepath.Join(st.Dir, app), args: contender.Args{
						Root: st.Root, Dir: st.Dir, Brokers: st.Brokers, App: app, Input: app + "-in", Output: app + "-out",
						Commit: "100ms", Partition: o.partitions, Session: o.session.String(), Standbys: s, Log: o.log, Peers: strings.HasSuffix(c.Name, peersSuffix), Stderr: os.Stderr}}
					f, err := e.run(ctx)
					if err != nil {
						return fmt.Errorf("%s, %d standbys, %d keys: %w", c.Name, s, k, err)
					}
					f.contender, f.standbys, f.keys = c.Name, s, k
					fmt.Print(f.row())
					table += f.row()
				}
			}
		}
	}
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(table), 0o644)
}

// peersSuffix is that of a contender whose processes watch each other.
const peersSuffix = "-peers"

func numbers(list string) (ns []int, err error) {
	for _, s := range strings.Split(list, ",") {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil {
			return nil, err
		}
		ns = append(ns, n)
	}
	return ns, nil
}

func header(o options) string {
	return fmt.Sprintf("Session timeout %v, %d partitions, exactly once, commits every 100 ms, 1,000 records/s meanwhile. Seconds.\n\n", o.session, o.partitions) +
		"| contender | keys | standby replicas | longest silence after kill -9 of one of two | of each partition | restart of one instance after kill -9 | the same at once |\n" +
		"| --- | ---: | ---: | ---: | --- | ---: | ---: |\n"
}

func (f figures) row() string {
	var each []string
	for _, d := range f.failover {
		each = append(each, fmt.Sprintf("%.1f", d.Seconds()))
	}
	return fmt.Sprintf("| %s | %d | %d | %.1f | %s | %.1f | %.1f |\n", f.contender, f.keys, f.standbys,
		slices.Max(f.failover).Seconds(), strings.Join(each, ", "), f.restart.Seconds(), f.atOnce.Seconds())
}

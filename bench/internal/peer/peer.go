// Package peer is what the contenders written in Go share: their command line,
// which is that of the contenders in other languages too.
//
// A contender reads its arguments, processes the input until it gets SIGTERM
// or SIGINT, and commits its positions under a consumer group that the
// measuring program knows, by which it is measured. Nothing else is asked of
// it. What goes wrong goes to standard error, with exit code 1.
package peer

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/bench/internal/workload"
)

// Args is a contender's command line.
type Args struct {
	Brokers     []string
	Workload    workload.Workload
	App         string // the name of the application, with which its topics and groups begin
	Input       string
	Table       string // the topic of the table that is joined
	Output      string
	State       string // folder
	ExactlyOnce bool
	Commit      time.Duration // between commits
	Partitions  int
	Session     time.Duration // timeout of the group's members; 0: the default
	Standbys    int           // standby replicas, if the contender has them
	Peers       bool          // its processes watch each other, if the contender can
	Log         bool          // to standard error, for looking into a result
	Profile     string        // file for a profile of processor time, for looking into a result; none by default
}

// Run runs a contender's main function until a signal, and exits.
func Run(run func(context.Context, Args) error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	a, err := parse(os.Args[1:])
	if err == nil {
		err = profiled(a.Profile, func() error { return run(ctx, a) })
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (a Args, err error) {
	f := flag.NewFlagSet("contender", flag.ContinueOnError)
	brokers := f.String("brokers", "", "addresses, with commas between")
	name := f.String("workload", "", "its name")
	f.StringVar(&a.App, "app", "", "the application's name")
	f.StringVar(&a.Input, "input", "", "topic")
	f.StringVar(&a.Table, "table", "", "topic")
	f.StringVar(&a.Output, "output", "", "topic")
	f.StringVar(&a.State, "state", "", "folder")
	guarantee := f.String("guarantee", "at-least-once", "or exactly-once")
	f.DurationVar(&a.Commit, "commit", 100*time.Millisecond, "the commit interval")
	f.IntVar(&a.Partitions, "partitions", 4, "of every topic")
	f.DurationVar(&a.Session, "session-timeout", 0, "of the group's members")
	f.IntVar(&a.Standbys, "standbys", 0, "standby replicas")
	f.BoolVar(&a.Peers, "peers", false, "processes watch each other")
	f.BoolVar(&a.Log, "log", false, "to standard error")
	f.StringVar(&a.Profile, "profile", "", "file")
	if err = f.Parse(args); err != nil {
		return a, err
	}
	a.Brokers, a.ExactlyOnce = strings.Split(*brokers, ","), *guarantee == "exactly-once"
	a.Workload, err = workload.Find(*name)
	return a, err
}

// profiled runs a function and writes a profile of its processor time.
func profiled(file string, run func() error) error {
	if file == "" {
		return run()
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	end := heapProfiles(file + ".heap")
	err = run()
	pprof.StopCPUProfile()
	return errors.Join(err, end(), f.Close())
}

// heapProfiles writes a profile of the heap, of the time when it was greatest,
// until the function that it returns is called.
func heapProfiles(file string) (end func() error) {
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		most := uint64(0)
		for {
			select {
			case <-stop:
				done <- nil
				return
			case <-tick.C:
			}
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapInuse < most+most/10 {
				continue
			}
			most = m.HeapInuse
			var b bytes.Buffer
			if err := errors.Join(pprof.Lookup("heap").WriteTo(&b, 0), os.WriteFile(file, b.Bytes(), 0o644)); err != nil {
				done <- err
				return
			}
		}
	}()
	return func() error {
		close(stop)
		return <-done
	}
}

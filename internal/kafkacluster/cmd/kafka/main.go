//go:build unix

// Command kafka runs a Kafka cluster of three brokers on this machine, for development and tests.
//
//	kafka up             start it, or what of it is down; prints MILLRACE_KAFKA=host:port,...
//	kafka down           end it and remove its data
//	kafka status         the brokers' addresses and processes
//	kafka addresses      host:port,...
//	kafka kill N...      kill -9
//	kafka stop N...      a clean stop
//	kafka start N...     start again
//	kafka pause N...     SIGSTOP
//	kafka resume N...    SIGCONT
//	kafka run COMMAND    start a cluster of its own, run the command with MILLRACE_KAFKA and
//	                     MILLRACE_REQUIRE_KAFKA=1 set, end the cluster, and exit as the command did
//
// The cluster of up lives in a folder of its user under the system's temporary folder; -dir names another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/gofrs/flock"

	"github.com/millrace/millrace/internal/kafkacluster"
)

const usage = `usage: kafka [-dir folder] [-brokers n] [-base-port port] [-heap size] [-java-options options] [-v]
             up | down | status | addresses | kill N | stop N | start N | pause N | resume N | run command...`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode()) // of run's command, which has said why
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

type command struct {
	dir    string
	cfg    kafkacluster.Config
	stdout io.Writer
	stderr io.Writer
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := &command{stdout: stdout, stderr: stderr}
	fs := flag.NewFlagSet("kafka", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprintln(stderr, usage); fs.PrintDefaults() }
	fs.StringVar(&c.dir, "dir", defaultDir(), "the cluster's `folder`")
	fs.IntVar(&c.cfg.Brokers, "brokers", 3, "how many brokers")
	fs.IntVar(&c.cfg.BasePort, "base-port", 0, "first of the consecutive ports; 0: free ones")
	fs.StringVar(&c.cfg.Heap, "heap", "400m", "the heap of a broker")
	java := fs.String("java-options", "", "more `options` for the brokers' Java, separated by spaces")
	verbose := fs.Bool("v", false, "log what happens")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	c.cfg.JavaOptions = strings.Fields(*java)
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	c.cfg.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))

	name, rest := fs.Arg(0), fs.Args()
	if len(rest) > 0 {
		rest = rest[1:]
	}
	switch name {
	case "run":
		return c.run(ctx, rest)
	case "up":
		return c.locked(ctx, c.up)
	case "down":
		return c.locked(ctx, c.down)
	case "status":
		return c.locked(ctx, c.status)
	case "addresses":
		return c.locked(ctx, func(context.Context) error { return c.addresses("") })
	case "kill", "stop", "start", "pause", "resume":
		return c.locked(ctx, func(ctx context.Context) error { return c.nodes(ctx, name, rest) })
	case "":
		return fmt.Errorf("no command\n%s", usage)
	default:
		return fmt.Errorf("no command %q\n%s", name, usage)
	}
}

func defaultDir() string {
	return filepath.Join(os.TempDir(), "millrace-kafka-"+strconv.Itoa(os.Getuid()))
}

// locked lets one command at a time work on a cluster.
func (c *command) locked(ctx context.Context, f func(context.Context) error) error {
	var err error
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	lock := flock.New(c.dir+".lock", flock.SetPermissions(0o600))
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("another command works on this cluster (%s): %w", lock.Path(), err)
	}
	return f(ctx)
}

func (c *command) up(ctx context.Context) error {
	if err := ownFolder(c.dir); err != nil {
		return err
	}
	cluster, err := kafkacluster.Attach(c.dir, c.cfg.Logger)
	switch {
	case errors.Is(err, kafkacluster.ErrNoCluster):
		// What a cluster that was interrupted at its start left behind.
		if err := os.RemoveAll(c.dir); err != nil {
			return err
		}
		cfg := c.cfg
		cfg.Dir, cfg.Detached = c.dir, true
		if _, err := kafkacluster.Start(ctx, cfg); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		var missing []int
		for i, n := range cluster.Status() {
			if n.PID == 0 {
				missing = append(missing, i)
			}
		}
		if len(missing) > 0 {
			if err := cluster.StartNode(ctx, missing...); err != nil {
				return fmt.Errorf("%w\nkafka down removes the cluster and its data", err)
			}
		}
	}
	return c.addresses("MILLRACE_KAFKA=")
}

// ownFolder refuses a folder that somebody else made: the temporary folder belongs to all users.
func ownFolder(dir string) error {
	st, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !st.IsDir() || !ok || int(sys.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of this user: name another one with -dir", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n := e.Name(); !strings.HasPrefix(n, "node") && !strings.HasPrefix(n, "cluster.json") {
			return fmt.Errorf("%s holds %s, which is no part of a cluster: name another folder with -dir", dir, n)
		}
	}
	return nil
}

func (c *command) down(context.Context) error {
	cluster, err := kafkacluster.Attach(c.dir, c.cfg.Logger)
	if errors.Is(err, kafkacluster.ErrNoCluster) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := cluster.Close(); err != nil {
		return err
	}
	return os.RemoveAll(c.dir)
}

func (c *command) status(context.Context) error {
	cluster, err := kafkacluster.Attach(c.dir, c.cfg.Logger)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BROKER\tADDRESS\tSTATE\tPID\tLOG")
	for i, n := range cluster.Status() {
		state, pid := "running", strconv.Itoa(n.PID)
		switch {
		case n.PID == 0:
			state, pid = "down", "-"
		case n.Paused:
			state = "paused"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", i, n.Address, state, pid, filepath.Join(c.dir, fmt.Sprintf("node%d", i), "server.log"))
	}
	return w.Flush()
}

func (c *command) addresses(prefix string) error {
	cluster, err := kafkacluster.Attach(c.dir, c.cfg.Logger)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.stdout, prefix+strings.Join(cluster.Addresses(), ","))
	return err
}

// nodes does one thing to the brokers that the arguments name.
func (c *command) nodes(ctx context.Context, name string, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: no broker named; the first is 0", name)
	}
	ids := make([]int, len(args))
	for i, a := range args {
		var err error
		if ids[i], err = strconv.Atoi(a); err != nil {
			return fmt.Errorf("%s: %q is no broker's number", name, a)
		}
	}
	cluster, err := kafkacluster.Attach(c.dir, c.cfg.Logger)
	if err != nil {
		return err
	}
	if name == "start" {
		return cluster.StartNode(ctx, ids...)
	}
	do := map[string]func(int) error{
		"kill": cluster.Kill, "stop": cluster.Stop, "pause": cluster.Pause, "resume": cluster.Resume,
	}[name]
	for _, i := range ids {
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}

// run starts a cluster that lives as long as a command.
func (c *command) run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("run: no command to run")
	}
	began := time.Now()
	cfg := c.cfg
	cfg.ExtraProperties = map[string]string{"log.cleaner.backoff.ms": "1000"} // tests wait for compaction; default 15 s
	cluster, err := kafkacluster.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := cluster.Close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
	}()
	addresses := strings.Join(cluster.Addresses(), ",")
	fmt.Fprintf(c.stderr, "kafka: %d brokers of Kafka %s ready in %.1fs: %s\n", c.cfg.Brokers, kafkacluster.Version,
		time.Since(began).Seconds(), addresses)

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "MILLRACE_KAFKA="+addresses, "MILLRACE_REQUIRE_KAFKA=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.stdout, c.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

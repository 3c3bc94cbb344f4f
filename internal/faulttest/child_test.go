//go:build kafka

package faulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/pipeline"
	"github.com/millrace/millrace/pipeline/codec"
)

// childEnv makes the test binary a service: "brokers|state folder|guarantee|prefix".
const childEnv = "MILLRACE_FAULTTEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		if err := runChild(strings.Split(args, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	leaktest.Main(m)
}

// workload is the topology with the names of one test.
type workload struct {
	in, echo, counted pipeline.Topic[int64]
	counts, sums      pipeline.Table[int64]
	name              string
}

const partitions = 5

func newWorkload(prefix string) workload {
	topic := func(name string) pipeline.Topic[int64] {
		return pipeline.NewTopic(prefix+"."+name, codec.Int64(), pipeline.Partitions(partitions))
	}
	table := func(name string) pipeline.Table[int64] {
		return pipeline.NewTable(prefix+"."+name, codec.Int64(), pipeline.Partitions(partitions))
	}
	return workload{in: topic("in"), echo: topic("echo"), counted: topic("counted"), counts: table("counts"), sums: table("sums"), name: prefix}
}

// topology echoes and counts the records of each key, and sums the counts of
// all keys of a group of keys.
func (w workload) topology() *pipeline.Topology {
	count := pipeline.Process("count")
	counts := pipeline.State(count, w.counts)
	echo := pipeline.Output(count, w.echo)
	counted := pipeline.Output(count, w.counted)
	pipeline.Input(count, w.in, func(ctx *pipeline.Context, n int64) error {
		c, _ := counts.Get(ctx)
		counts.Set(ctx, c+1)
		echo.Emit(ctx, ctx.Key(), n)
		counted.Emit(ctx, ctx.Key(), c+1)
		return nil
	})
	sum := pipeline.Process("sum")
	sums := pipeline.State(sum, w.sums)
	pipeline.Input(sum, w.counted, func(ctx *pipeline.Context, n int64) error {
		s, _ := sums.Get(ctx)
		sums.Set(ctx, s+n)
		return nil
	})
	return pipeline.New(w.name).From(w.in).Add(count, sum).To(w.echo, w.counted)
}

func runChild(args []string) error {
	if len(args) != 4 {
		return errors.New("four arguments are needed")
	}
	guarantee, err := pipeline.ParseGuarantee(args[2])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := pipeline.NewService(newWorkload(args[3]).topology(), pipeline.Config{
		Brokers: strings.Split(args[0], ","), StateDir: args[1], Guarantee: guarantee,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	go func() {
		if s.WaitReady(ctx) == nil {
			fmt.Println("ready")
		}
	}()
	return s.Run(ctx)
}

// child is a running service.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready chan struct{}
	log   *output
	ended chan struct{}
	err   error
}

// output keeps the end of what a child said.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() > 1<<20 {
		o.b.Next(o.b.Len() - 1<<19)
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts a service with a state folder of its own.
func start(t *testing.T, brokers []string, dir string, g pipeline.Guarantee, prefix string) *child {
	t.Helper()
	c := &child{t: t, ready: make(chan struct{}), ended: make(chan struct{}), log: &output{}}
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{strings.Join(brokers, ","), dir, string(g), prefix}, "|"))
	c.cmd.Stderr = c.log
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		buf := make([]byte, 64)
		if n, _ := out.Read(buf); strings.HasPrefix(string(buf[:n]), "ready") {
			close(c.ready)
		}
		_, _ = io.Copy(io.Discard, out)
		c.err = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			path := filepath.Join(os.TempDir(), fmt.Sprintf("faulttest-%d.log", c.cmd.Process.Pid))
			_ = os.WriteFile(path, []byte(c.log.String()), 0o644)
			t.Logf("log of service %d: %s", c.cmd.Process.Pid, path)
		}
	})
	return c
}

// kill is kill -9.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	<-c.ended
}

// stop drains the service.
func (c *child) stop() {
	c.t.Helper()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
		if c.err != nil {
			c.t.Errorf("service ended with %v", c.err)
		}
	case <-time.After(time.Minute):
		c.t.Errorf("service does not stop:\n%s", c.log)
		c.kill()
	}
}

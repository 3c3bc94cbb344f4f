//go:build kafka

package faulttest

import (
	"bytes"
	"context"
	"encoding/json"
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

	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/internal/transport/kafka"
	"github.com/millrace/millrace/pipeline"
)

// childEnv makes the test binary a service: a job in JSON.
const childEnv = "MILLRACE_FAULTTEST_CHILD"

// sessionTimeout is that of the services: the shortest that brokers allow by
// default.
const sessionTimeout = 6 * time.Second

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		if err := runChild(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// toxiproxy forgets what was under way on a connection that ends while
	// something is wrong with it.
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"))
}

// job is what a service is to do.
type job struct {
	Brokers   []string
	Dir       string // of its state
	Guarantee pipeline.Guarantee
	Workload  string // what names its topology, see newWorkload
	Prefix    string
	FileLimit uint64 // the most bytes that a file may have; 0: any number
	Standbys  int    // copies of each partition's state on other services
	User      int    // runs as this user; 0: as whoever runs the test
}

func runChild(args string) error {
	var j job
	if err := json.Unmarshal([]byte(args), &j); err != nil {
		return err
	}
	if err := j.restrict(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w, err := newWorkload(j.Workload, j.Prefix)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cluster, err := kafka.New(ctx, kafka.Config{Brokers: j.Brokers, ClientID: j.Prefix, Logger: log, SessionTimeout: sessionTimeout})
	if err != nil {
		return err
	}
	defer cluster.Close()
	c := pipeline.Config{Brokers: j.Brokers, StateDir: j.Dir, Guarantee: j.Guarantee, Logger: log, RestartMax: 2 * time.Second,
		StandbyReplicas: j.Standbys}
	s, err := pipeline.NewService(w.topology(), c.WithEngine(func(e *engine.Config) {
		e.Cluster = cluster
		e.WriteBytes = 4 << 10 // so that the stores have something to lose
	}))
	if err != nil {
		return err
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer stop()
	waiting.Go(func() {
		if s.WaitReady(ctx) == nil {
			fmt.Println("ready")
		}
	})
	return s.Run(ctx)
}

// restrict takes away what the job's process shall not have.
func (j job) restrict() error {
	if j.FileLimit > 0 {
		signal.Ignore(syscall.SIGXFSZ) // so that a write beyond it is an error, and not the end
		l := syscall.Rlimit{Cur: j.FileLimit, Max: j.FileLimit}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			return err
		}
	}
	if j.User != 0 {
		return errors.Join(syscall.Setgroups(nil), syscall.Setgid(j.User), syscall.Setuid(j.User))
	}
	return nil
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

// start starts a service.
func start(t *testing.T, j job) *child {
	t.Helper()
	c := &child{t: t, ready: make(chan struct{}), ended: make(chan struct{}), log: &output{}}
	args, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(os.Args[0])
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(args))
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
			c.t.Errorf("service ended with %v\n%s", c.err, c.log)
		}
	case <-time.After(time.Minute):
		c.t.Errorf("service does not stop:\n%s", c.log)
		c.kill()
	}
}

// pause stops the process in its tracks, until resume.
func (c *child) pause()  { _ = c.cmd.Process.Signal(syscall.SIGSTOP) }
func (c *child) resume() { _ = c.cmd.Process.Signal(syscall.SIGCONT) }

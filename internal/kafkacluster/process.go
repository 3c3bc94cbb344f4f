//go:build unix

package kafkacluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is a broker's process, a child or one that an earlier process left behind.
type process interface {
	pid() int
	signal(os.Signal) error // os.ErrProcessDone when it has ended
	alive() bool

	// wait waits until the process has ended. An ended child's exit status is in exitErr.
	wait(ctx context.Context) error
	exitErr() error
}

// A child is a process that this one started.
type child struct {
	p    *os.Process
	done chan struct{}
	err  error // how it ended; read after done
}

// startChild starts a command, and waits for its end in a goroutine that lasts as long as the process.
//
// That goroutine keeps its thread to itself: Linux sends the signal of Pdeathsig at the end of the thread
// that forked, not of the process, so a thread that Go discards would take the broker with it.
func startChild(cmd *exec.Cmd, detached bool) (*child, error) {
	cmd.SysProcAttr = processAttributes(detached)
	c := &child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.done)
		err := cmd.Start()
		c.p = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) pid() int { return c.p.Pid }

func (c *child) signal(s os.Signal) error { return c.p.Signal(s) }

func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *child) exitErr() error {
	<-c.done
	if c.err == nil {
		return errors.New("exit status 0")
	}
	return c.err
}

// An orphan is a broker that another process started, known by its number and by its node's folder, which
// its command line holds: the number alone may belong to another process by now.
type orphan struct {
	number int
	dir    string
}

func (o orphan) pid() int { return o.number }

// signal opens the process before it looks at it, and signals what it opened: where the kernel has process
// descriptors, a number that is given to another process in between does no harm.
func (o orphan) signal(s os.Signal) error {
	p, err := os.FindProcess(o.number)
	if err != nil {
		return err
	}
	defer p.Release()
	if !o.alive() {
		return os.ErrProcessDone
	}
	return p.Signal(s)
}

func (o orphan) alive() bool {
	if o.number <= 0 || syscall.Kill(o.number, 0) != nil {
		return false
	}
	return strings.Contains(commandLine(o.number), nodeProperty(o.dir))
}

func (o orphan) wait(ctx context.Context) error {
	// There is no waiting for a process that is not a child, but to look again.
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for !o.gone() {
		select {
		case <-t.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// gone tells whether nothing of the process is left. That is later than !alive: a process that is being
// killed has no command line any more while it still holds its ports. If nobody reaps it, it stays as a
// zombie, but without threads other than the first.
func (o orphan) gone() bool {
	if o.number <= 0 || syscall.Kill(o.number, 0) != nil {
		return true
	}
	if args := commandLine(o.number); args != "" {
		return !strings.Contains(args, nodeProperty(o.dir)) // another process by now
	}
	proc := filepath.Join("/proc", strconv.Itoa(o.number))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return true
	}
	threads, err := os.ReadDir(filepath.Join(proc, "task"))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(state, "Z") && len(threads) <= 1
}

func (o orphan) exitErr() error { return errors.New("its exit status is not known") }

// commandLine returns a process's arguments, empty if it has ended (a zombie too).
func commandLine(pid int) string {
	if b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil {
		return string(b)
	} else if _, err := os.Stat("/proc/self/cmdline"); err == nil {
		return ""
	}
	b, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(b)
}

// nodeProperty is the argument that marks a broker's process; log4j2.xml reads it.
func nodeProperty(dir string) string { return "-Dmillrace.kafka.node=" + dir }

// runJava runs a Java program to its end.
func runJava(ctx context.Context, args ...string) error {
	java, err := findJava()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, java, args...)
	cmd.WaitDelay = 5 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s", errors.Join(ctx.Err(), err), lastLines(out, 25))
	}
	return nil
}

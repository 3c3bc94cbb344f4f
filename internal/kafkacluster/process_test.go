//go:build unix

package kafkacluster

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// The roles that this test's program plays for its own tests, in the environment.
const (
	parentOf = "KAFKACLUSTER_TEST_PARENT_OF" // starts a child for this folder, prints its number, waits
	sleeper  = "KAFKACLUSTER_TEST_SLEEPER"   // waits
)

func TestMain(m *testing.M) {
	dir := os.Getenv(parentOf)
	if dir != "" {
		c, err := startChild(marked(dir), false)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(c.pid())
	}
	if dir != "" || os.Getenv(sleeper) != "" {
		interrupted := make(chan os.Signal, 1)
		signal.Notify(interrupted, os.Interrupt)
		<-interrupted
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// marked is a process that has a broker's mark in its command line, and waits.
func marked(dir string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], nodeProperty(dir))
	cmd.Env = []string{sleeper + "=1"}
	return cmd
}

// TestParentDies: a parent that is killed, and can do nothing about it, takes its brokers along.
func TestParentDies(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can do this")
	}
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentOf+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(line)
	}
	child := orphan{pid, dir}
	if !child.alive() {
		t.Fatalf("process %d is not the child", pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if err := child.wait(t.Context()); err != nil {
		t.Errorf("the child outlived its parent: %v", err)
	}
}

// TestOrphan: a process that another one left is found and ended, one that only has its number is not.
func TestOrphan(t *testing.T) {
	dir := t.TempDir()
	c, err := startChild(marked(dir), true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.signal(os.Kill)
		<-c.done
	}()

	stranger := orphan{c.pid(), dir + "-other"}
	if stranger.alive() || !stranger.gone() {
		t.Error("a process of another folder counts as the broker")
	}
	if err := stranger.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to a process of another folder: %v, want ErrProcessDone", err)
	}
	if !c.alive() {
		t.Fatal("it was killed")
	}

	o := orphan{c.pid(), dir}
	if !o.alive() || o.gone() {
		t.Fatal("the process was not found")
	}
	if err := o.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := o.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if o.alive() {
		t.Error("alive after it was killed")
	}
}

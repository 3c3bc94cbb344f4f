package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/pipeline/embedded"
)

// brokerEnv names the broker's folder in the environment of the child process.
const brokerEnv = "MILLRACE_SOAK_BROKER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(brokerEnv); dir != "" {
		if err := serveBroker(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if began := os.Getenv(crowdEnv); began != "" {
		if err := serveCrowd(began); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// serveBroker is the child process: it prints the addresses, then answers each
// line with a line, and ends when there are no more.
func serveBroker(dir string) error {
	b, err := embedded.Start(context.Background(), embedded.Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(b.Addresses(), ","))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "stop":
			err = b.Stop()
		case "resume":
			err = b.Resume(context.Background())
		}
		if err != nil {
			return err
		}
		fmt.Println(in.Text())
	}
	return b.Close()
}

// brokers are what the app runs on, and what fails it.
type brokers interface {
	addresses() []string
	// fails says whether brokers go away in an hour of the test.
	fails(hour int) bool
	// fail takes brokers away, for a few minutes by the test's clock; mend
	// brings them back.
	fail(t *testing.T, hour int)
	mend(t *testing.T)
}

// broker is the embedded broker in a process of its own.
type broker struct {
	at  []string
	pid int
	in  io.Writer
	out *bufio.Scanner
}

func (b *broker) addresses() []string         { return b.at }
func (b *broker) fails(hour int) bool         { return hour%3 == 2 }
func (b *broker) fail(t *testing.T, hour int) { t.Helper(); b.do(t, "stop") }
func (b *broker) mend(t *testing.T)           { t.Helper(); b.do(t, "resume") }

func startBroker(t *testing.T) *broker {
	t.Helper()
	pid, in, out := startChild(t, "the broker", brokerEnv+"="+t.TempDir())
	b := &broker{pid: pid, in: in, out: out}
	b.at = strings.Split(b.out.Text(), ",")
	return b
}

// do has the broker stop or resume, and returns when it has.
func (b *broker) do(t *testing.T, command string) {
	t.Helper()
	if _, err := fmt.Fprintln(b.in, command); err != nil {
		t.Fatalf("the broker: %s: %v", command, err)
	}
	if !b.out.Scan() || b.out.Text() != command {
		t.Fatalf("the broker: %s: it answers %q", command, b.out.Text())
	}
}

// startChild starts this program again, with a setting that tells it what it is,
// and waits for its first line. The child ends with its standard input.
func startChild(t *testing.T, what, setting string) (pid int, in io.WriteCloser, out *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), setting)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it has ended, then, and Wait says why
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
	if out = bufio.NewScanner(r); !out.Scan() {
		t.Fatalf("%s did not start", what)
	}
	return cmd.Process.Pid, in, out
}

package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// childEnv has the data folder of a broker that this test binary is to run
// until it is killed, instead of running tests.
const childEnv = "MILLRACE_TEST_BROKER"

// runChild is that broker. It says where it listens.
func runChild(dir string) error {
	b, err := Start(context.Background(), Config{Dir: dir, Logger: quiet()})
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(b.Addresses(), ","))
	select {}
}

// process is a broker in a process of its own.
type process struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd, bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	return p
}

// addresses waits until the broker is there.
func (p *process) addresses(t *testing.T) []string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatalf("the broker ended by itself: %v", p.cmd.Wait())
	}
	return strings.Split(p.out.Text(), ",")
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	_ = p.cmd.Wait()
}

// flood produces until so many records are acknowledged, then calls kill while
// more are on their way, and returns how many were acknowledged in the end.
func flood(t *testing.T, addresses []string, topic string, round, until int, kill func()) int {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.ProducerBatchMaxBytes(2000), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		acked int
		wrong error
	)
	enough := make(chan struct{})
	ctx, stop := context.WithCancel(limit(t))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := 0; ctx.Err() == nil; i++ {
			r := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d-%d", round, i)}
			cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					return
				case acked != i:
					wrong = errors.Join(wrong, fmt.Errorf("record %d was acknowledged after %d others", i, acked))
				}
				if acked++; acked == until {
					close(enough)
				}
			})
		}
	}()
	select {
	case <-enough:
	case <-ctx.Done():
		t.Errorf("round %d: %v", round, context.Cause(ctx))
	}
	kill()
	stop()
	cl.Close()
	<-sent
	mu.Lock()
	defer mu.Unlock()
	if wrong != nil {
		t.Error(wrong)
	}
	return acked
}

// TestKill kills a broker's process again and again while it is written to:
// acknowledged records are all there, once and in order; what a transaction
// wrote that was open is not.
func TestKill(t *testing.T) {
	const rounds = 4
	dir := filepath.Join(t.TempDir(), "broker")
	acked := make([]int, rounds)
	for round := range rounds {
		if round == 2 {
			startProcess(t, dir).kill() // as it starts, or repairs what the last kill left
		}
		p := startProcess(t, dir)
		addresses := p.addresses(t)
		if round == 0 {
			_, err := kadm.NewClient(client(t, addresses)).CreateTopics(limit(t), 1, 1, nil, "plain", "tx")
			if err != nil {
				t.Fatal(err)
			}
		} else {
			checkRecords(t, addresses, acked[:round])
		}
		if _, err := Start(t.Context(), Config{Dir: dir, Logger: quiet()}); !errors.As(err, new(*LockedError)) {
			t.Errorf("round %d: a second broker on the folder: %v; want a LockedError", round, err)
		}
		cl := client(t, addresses, kgo.TransactionalID("tx"), kgo.RequestRetries(3))
		for _, what := range []string{"committed", "open"} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produce(t, cl, "tx", fmt.Sprint(what, round))
			if what == "committed" {
				commit(t, cl)
			}
		}
		acked[round] = flood(t, addresses, "plain", round, 300*(round+1), p.kill)
		cl.Close()
	}
	p := startProcess(t, dir)
	checkRecords(t, p.addresses(t), acked)
	t.Logf("acknowledged: %v", acked)
}

// checkRecords compares what a broker has with what it had acknowledged, by
// round.
func checkRecords(t *testing.T, addresses []string, acked []int) {
	t.Helper()
	next := make([]int, len(acked))
	last := 0
	for _, r := range readAll(t, addresses, "plain", kgo.ReadCommitted())[0] {
		var round, i int
		if _, err := fmt.Sscanf(string(r.Value), "%d-%d", &round, &i); err != nil || round < last || round >= len(acked) || i != next[round] {
			t.Fatalf("found record %q at offset %d, %v; next of round %d is %d", r.Value, r.Offset, err, last, next[last])
		}
		next[round]++
		last = round
	}
	var want []string
	for round, n := range acked {
		if next[round] < n {
			t.Errorf("round %d: %d records of %d that were acknowledged", round, next[round], n)
		}
		want = append(want, fmt.Sprint("committed", round))
	}
	var have []string
	for _, r := range readAll(t, addresses, "tx", kgo.ReadCommitted())[0] {
		have = append(have, string(r.Value))
	}
	if !slices.Equal(have, want) {
		t.Errorf("readers of committed records see %q; want %q", have, want)
	}
}

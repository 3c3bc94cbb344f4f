//go:build linux

package contender

import (
	"os/exec"
	"testing"
	"time"
)

// The cost of a process that uses a second of processor time and some memory is
// what the operating system says.
func TestCost(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), sh, "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; read line")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for cpu := time.Duration(0); cpu < 50*time.Millisecond; <-tick.C { // for as long as the test may take
		if cpu, err = p.CPU(); err != nil {
			t.Fatal(err)
		}
	}
	if peak, err := p.Peak(); err != nil || peak < 100<<10 {
		t.Errorf("peak %d, %v", peak, err)
	}
	in.Close()
	p.Kill()
	if _, err := p.CPU(); err == nil {
		t.Error("the cost of a process that is gone")
	}
}

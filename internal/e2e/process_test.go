//go:build unix

package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/millrace/millrace/pipeline"
)

// process is a service that runs as a process of its own.
type process struct {
	cmd    *exec.Cmd
	status chan pipeline.Status // the newest
	exited chan error
	stderr strings.Builder
}

// spawn starts a process with the world's topology.
func (w *world) spawn(machine string, g pipeline.Guarantee) *process {
	w.Helper()
	return w.spawnChild(machine, childApp+"="+w.app, childGuarantee+"="+string(g), childPeers+"="+w.peers,
		childTopology+"="+cmp.Or(w.child, "three"))
}

// spawnChild starts a process with the settings of a child.
func (w *world) spawnChild(machine string, env ...string) *process {
	w.Helper()
	exe, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	p := &process{cmd: exec.Command(exe), status: make(chan pipeline.Status, 1), exited: make(chan error, 1)}
	p.cmd.Env = slices.Concat(os.Environ(), []string{childBrokers + "=" + strings.Join(w.brokers, ","),
		childState + "=" + filepath.Join(w.dir, machine)}, env)
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		w.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var s pipeline.Status
			if json.Unmarshal(lines.Bytes(), &s) == nil {
				select {
				case <-p.status:
				default:
				}
				p.status <- s
			}
		}
		p.exited <- p.cmd.Wait()
		close(p.exited)
	}()
	w.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if w.Failed() {
			w.Logf("%s: %s", machine, p.stderr.String())
		}
	})
	return p
}

// ready returns the number of ready partitions of each processor, as the
// process last said.
func (p *process) ready() (n []int) {
	s := <-p.status
	for _, proc := range s.Processors {
		ready := 0
		for _, part := range proc.Partitions {
			if part.Ready {
				ready++
			}
		}
		n = append(n, ready)
	}
	return n
}

// standbys returns how many tables' partitions the process keeps standbys of, as
// it last said.
func (p *process) standbys() (n int) {
	for _, t := range (<-p.status).Tables {
		if t.Role == "standby" {
			n++
		}
	}
	return n
}

// kill is kill -9.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.exited
	return err
}

// drain stops the process by SIGTERM.
func (p *process) drain() error {
	return errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), <-p.exited)
}

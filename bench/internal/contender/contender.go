// Package contender builds the programs that are compared, and runs one of
// them as a process whose cost the operating system counts.
package contender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/bench/internal/workload"
)

// Contender is a program with a guarantee.
type Contender struct {
	Name        string
	Program     string // folder below bench/peers
	ExactlyOnce bool
	// Heap is the JVM's greatest heap, as -Xmx has it.
	Heap string
	// Kinds are the workloads it can do. Empty: all.
	Kinds []workload.Kind
}

// Base is the contender that the others are compared with, of a guarantee.
func Base(exactlyOnce bool) string {
	if exactlyOnce {
		return "millrace"
	}
	return "millrace-alo"
}

// All are the contenders. heap is for those in Java.
func All(heap string) []Contender {
	return []Contender{
		{Name: Base(true), Program: "millrace", ExactlyOnce: true},
		{Name: Base(false), Program: "millrace"},
		{Name: "goka", Program: "goka"},
		{Name: "kafka-streams", Program: "streams", ExactlyOnce: true, Heap: heap},
		{Name: "kafka-streams-alo", Program: "streams", Heap: heap},
		{Name: "floor", Program: "floor", Kinds: []workload.Kind{workload.Copy}},
	}
}

// Can says whether a contender does a kind of workload.
func (c Contender) Can(k workload.Kind) bool {
	if len(c.Kinds) == 0 {
		return true
	}
	for _, have := range c.Kinds {
		if have == k {
			return true
		}
	}
	return false
}

// Groups returns the consumer groups of an application, that of the input
// first.
func (c Contender) Groups(app string, k workload.Kind) []string {
	switch {
	case c.Program == "millrace" && k == workload.Shuffle:
		return []string{app + "-main", app + "-consume"}
	case c.Program == "millrace":
		return []string{app + "-main"}
	case c.Program == "goka" && k == workload.Shuffle:
		return []string{app, app + "-consume"}
	}
	return []string{app}
}

// Build builds the programs that contenders need below the folder dir.
func Build(ctx context.Context, root, dir string, contenders []Contender) error {
	built := map[string]bool{}
	for _, c := range contenders {
		if built[c.Program] {
			continue
		}
		built[c.Program] = true
		source := filepath.Join(root, "bench", "peers", c.Program)
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, c.Program), "./bench/peers/"+c.Program)
		cmd.Dir = root
		if c.Program == "streams" {
			if _, err := exec.LookPath("mvn"); err != nil {
				return errors.New("contender kafka-streams: no Maven: install it, or leave the contender out")
			}
			// The build's folder is Maven's own: a second build has nothing to do.
			cmd = exec.CommandContext(ctx, "mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=target/lib")
			cmd.Dir = source
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", c.Program, err, out)
		}
	}
	return nil
}

// Args is what a run of a contender is told: see bench/internal/peer.
type Args struct {
	Root, Dir string // the project, and where Build put the programs
	Brokers   []string
	Workload  workload.Workload
	App       string
	Input     string
	Table     string
	Output    string
	State     string
	Commit    string
	Partition int
	Session   string // timeout of the group's members; default: the contender's
	Standbys  int    // standby replicas
	Peers     bool   // processes watch each other; Millrace only
	Log       bool   // to Stderr, if the contender is written in Go
	Profile   string // file for a profile, if the contender is written in Go
	Stderr    *os.File
}

func (c Contender) command(a Args) *exec.Cmd {
	guarantee := "at-least-once"
	if c.ExactlyOnce {
		guarantee = "exactly-once"
	}
	args := []string{
		"--brokers=" + strings.Join(a.Brokers, ","), "--workload=" + a.Workload.Name, "--app=" + a.App,
		"--input=" + a.Input, "--table=" + a.Table, "--output=" + a.Output, "--state=" + a.State,
		"--guarantee=" + guarantee, "--commit=" + a.Commit, fmt.Sprintf("--partitions=%d", a.Partition),
	}
	if a.Session != "" {
		args = append(args, "--session-timeout="+a.Session)
	}
	if a.Standbys > 0 {
		args = append(args, fmt.Sprintf("--standbys=%d", a.Standbys))
	}
	if a.Peers {
		args = append(args, "--peers")
	}
	if c.Program == "streams" {
		target := filepath.Join(a.Root, "bench", "peers", "streams", "target")
		class := filepath.Join(target, "classes") + string(os.PathListSeparator) + filepath.Join(target, "lib", "*")
		return exec.Command("java", append([]string{"-Xmx" + c.Heap, "-cp", class, "Main"}, args...)...)
	}
	if a.Log {
		args = append(args, "--log")
	}
	if a.Profile != "" {
		args = append(args, "--profile="+a.Profile)
	}
	return exec.Command(filepath.Join(a.Dir, c.Program), args...)
}

// Package contender builds the programs that are compared, and runs one of
// them as a process whose cost the operating system counts.
package contender

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	// Whole says that it is measured to the end of the input, without a limit.
	Whole bool
	// Kinds are the workloads it can do. Empty: all.
	Kinds []workload.Kind
}

// RSSProgram is the name of the program of the RSS topology, in the folder of
// the others.
const RSSProgram = "polls"

// Base is the contender that the others are compared with, of a guarantee.
func Base(exactlyOnce bool) string {
	if exactlyOnce {
		return "millrace"
	}
	return "millrace-alo"
}

// All are the contenders. heap is for those in Java.
func All(heap string) []Contender {
	python := []workload.Kind{workload.Copy, workload.Count, workload.Dedupe}
	return []Contender{
		{Name: Base(true), Program: "millrace", ExactlyOnce: true, Whole: true},
		{Name: Base(false), Program: "millrace", Whole: true},
		{Name: "goka", Program: "goka"},
		{Name: "kafka-streams", Program: "streams", ExactlyOnce: true, Heap: heap},
		{Name: "kafka-streams-alo", Program: "streams", Heap: heap},
		{Name: "quix", Program: "quix", ExactlyOnce: true, Kinds: python},
		{Name: "quix-alo", Program: "quix", Kinds: python},
		{Name: "faust", Program: "faust", Kinds: python},
		{Name: "floor", Program: "floor", Kinds: []workload.Kind{workload.Copy}},
	}
}

// Find returns the contender of a name.
func Find(name, heap string) (Contender, error) {
	for _, c := range All(heap) {
		if c.Name == name {
			return c, nil
		}
	}
	return Contender{}, fmt.Errorf("no contender %q", name)
}

// Can says whether a contender does a workload.
func (c Contender) Can(w workload.Workload) bool {
	switch {
	case w.Kind == workload.RSS: // an application of Millrace
		return c.Whole
	case python(c.Program) && w.Restore:
		return false
	case w.Name == "restore-10m": // the others take too long to fill the table
		return c.ExactlyOnce
	}
	return len(c.Kinds) == 0 || slices.Contains(c.Kinds, w.Kind)
}

// Groups returns the consumer groups of an application, that of the input
// first.
func (c Contender) Groups(app string, k workload.Kind) []string {
	switch {
	case k == workload.RSS:
		var groups []string
		for _, p := range []string{"clean", "dedupe", "bands", "catalog", "index", "relate", "learn", "match", "shelve"} {
			groups = append(groups, "rss-articles-"+p)
		}
		return groups
	case c.Program == "millrace" && k == workload.Shuffle:
		return []string{app + "-main", app + "-consume"}
	case c.Program == "millrace":
		return []string{app + "-main"}
	case c.Program == "goka" && k == workload.Shuffle:
		return []string{app, app + "-consume"}
	}
	return []string{app}
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
	if python(c.Program) {
		return exec.Command(filepath.Join(venv(a.Root, c.Program), "bin", "python"),
			append([]string{filepath.Join(a.Root, "bench", "peers", c.Program, "main.py")}, args...)...)
	}
	if a.Workload.Kind == workload.RSS {
		return exec.Command(filepath.Join(a.Dir, RSSProgram), append([]string{"run"}, args...)...)
	}
	if a.Log {
		args = append(args, "--log")
	}
	if a.Profile != "" {
		args = append(args, "--profile="+a.Profile)
	}
	return exec.Command(filepath.Join(a.Dir, c.Program), args...)
}

package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/kafkacluster"
)

// Environment is what was measured, on what. It names no machine.
type Environment struct {
	Versions []string // such as "Go 1.26.0"
	Machine  string
	Settings string
	Date     time.Time
}

// Look finds out the versions and the machine. What cannot be found is left
// out: it is no reason not to measure.
func Look(ctx context.Context, root, settings string) Environment {
	e := Environment{Settings: settings, Date: time.Now()}
	add := func(name, version string) {
		if version != "" {
			e.Versions = append(e.Versions, name+" "+version)
		}
	}
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	file := func(path ...string) string {
		b, _ := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
		return string(b)
	}
	commit := run("git", "rev-parse", "--short=12", "HEAD")
	if commit != "" && run("git", "status", "--porcelain", "--untracked-files=no") != "" {
		commit += " with changes"
	}
	add("Millrace", commit)
	add("Go", strings.TrimPrefix(runtime.Version(), "go"))
	add("Java", first(`version "([^"]+)"`, run("java", "-version")))
	add("Kafka", kafkacluster.Version)
	add("Kafka Streams", first(`<artifactId>kafka-streams</artifactId>\s*<version>([^<]+)`, file("bench", "peers", "streams", "pom.xml")))
	mod := file("go.mod")
	add("goka", first(`github.com/lovoo/goka (\S+)`, mod))
	add("franz-go", first(`github.com/twmb/franz-go (\S+)`, mod))
	add("Python", strings.TrimPrefix(run("python3", "--version"), "Python "))
	add("Quix Streams", first(`(?m)^quixstreams==(\S+)`, file("bench", "peers", "quix", "requirements.txt")))
	add("faust-streaming", first(`(?m)^faust-streaming==(\S+)`, file("bench", "peers", "faust", "requirements.txt")))
	e.Machine = machine()
	return e
}

// first returns the first group of a pattern's first match, or "".
func first(pattern, text string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// machine says what the programs and the brokers share, as Linux tells.
func machine() string {
	s := fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	if model := first(`(?m)^model name\s*:\s*(.+)$`, string(cpu)); model != "" {
		s += " (" + model + ")"
	}
	mem, _ := os.ReadFile("/proc/meminfo")
	if kib, err := strconv.Atoi(first(`MemTotal:\s*(\d+) kB`, string(bytes.TrimSpace(mem)))); err == nil {
		s += fmt.Sprintf(", %.0f GiB of memory", float64(kib)/(1<<20))
	}
	return s
}

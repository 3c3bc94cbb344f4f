package archtest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	longLines    = 400 // logged: think about splitting the file
	tooManyLines = 500
)

// A ban is text that certain files may not hold.
type ban struct {
	files   func(path string) bool
	pattern *regexp.Regexp
	why     string
}

var bans = []ban{
	{
		files:   func(path string) bool { return strings.HasSuffix(path, "_test.go") },
		pattern: regexp.MustCompile(`\btime\.Sleep\(`),
		why:     "a test waits for a signal, or uses testing/synctest: a sleep is slow and fails on a busy machine",
	},
	{
		files:   func(string) bool { return true },
		pattern: regexp.MustCompile(`(?:^|[^\w./~-])/(?:work|root|home/\w+|Users/\w+)/`),
		why:     "a path of somebody's machine",
	},
}

func TestFiles(t *testing.T) {
	dir := root(t)
	for _, path := range projectFiles(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not yet from the index
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // binary
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			for _, b := range bans {
				if b.files(path) && b.pattern.Match(line) {
					t.Errorf("%s:%d: %q: %s", path, n+1, b.pattern.Find(line), b.why)
				}
			}
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !generated.Match(text) {
			switch n := bytes.Count(text, []byte("\n")); {
			case n > tooManyLines:
				t.Errorf("%s has %d lines, more than %d: it holds more than one thing, split it", path, n, tooManyLines)
			case n > longLines:
				t.Logf("%s has %d lines: think about splitting it before it has %d", path, n, tooManyLines)
			}
		}
	}
}

// See https://go.dev/s/generatedcode.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// TestBans shows that each ban finds what it is for, and leaves alone what only looks like it.
func TestBans(t *testing.T) {
	for _, tt := range []struct {
		path, line string
		want       bool
	}{
		{"a_test.go", "\ttime." + "Sleep(time.Second)", true},
		{"a.go", "\ttime." + "Sleep(time.Second)", false},
		{"a_test.go", "\ttime.Since(began)", false},
		{"README.md", "cd /" + "work/main", true},
		{"a.go", `os.Open("/` + `root/x")`, true},
		{"a.md", "see https://example.com/" + "work/of-art", false},
		{"a.md", "the framework/" + "work/ folder", false},
	} {
		got := false
		for _, b := range bans {
			got = got || b.files(tt.path) && b.pattern.MatchString(tt.line)
		}
		if got != tt.want {
			t.Errorf("%s: %q: banned %v, want %v", tt.path, tt.line, got, tt.want)
		}
	}
}

// projectFiles lists the files that git knows or would add; outside a checkout, all files.
func projectFiles(t *testing.T, dir string) []string {
	t.Helper()
	all := walk(t, dir)
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		return all
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// walk lists the files below a folder. It is called even where git or the go command gives the list: go test
// notes which folders a test reads, and without that would answer from its cache when a file is added.
func walk(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // another test's temporary file
			return nil
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != dir:
			return filepath.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

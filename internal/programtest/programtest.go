// Package programtest is what tests share that run programs of this project as
// processes of their own.
package programtest

import (
	"net"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// Build builds the main package of a folder and returns the program's path. It
// is built as the test is, with the race detector or without: so a race in the
// program is seen, and most of its packages are in the build cache already.
func Build(t testing.TB, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), path.Base(filepath.ToSlash(folder)))
	args := []string{"build", "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				args = append(args, "-race")
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, ".")...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, out)
	}
	return program
}

// FreeAddress returns an address on loopback where nobody listens. The kernel
// does not give it to anybody else soon.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

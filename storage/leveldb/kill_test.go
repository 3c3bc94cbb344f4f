package leveldb

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/storage"
)

// child starts this test binary as another process and returns its output.
func child(t *testing.T, env, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// TestKill kills a process again and again while it writes. Whatever it had
// applied must be there, and nothing by half.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds, random := faults(t, 10)
	dir := filepath.Join(t.TempDir(), "0")
	var last int64
	for round := range rounds {
		cmd, lines := child(t, childEnv, dir)
		applied := int64(-1)
		for range 1 + random.IntN(150) {
			if !lines.Scan() {
				t.Fatalf("round %d: the writer ended by itself: %v", round, cmd.Wait())
			}
			n, _ := strconv.ParseInt(lines.Text(), 10, 64)
			if applied == -1 && (n < last || n > last+1) {
				t.Fatalf("round %d: the writer found batch %d after batch %d", round, n, last)
			}
			applied = n
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil && n > applied {
				applied = n
			}
		}
		_ = cmd.Wait() // it says that it was killed
		last = applied
		if round%2 == 1 && round+1 < rounds {
			continue // let the next writer find it
		}
		s, err := Open(dir, testOptions())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		info := s.Info()
		if info.State != Unclean || info.Lost != 0 {
			t.Errorf("round %d: Info() = %+v", round, info)
		}
		n, err := verify(s)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		// A line may be cut short by the kill, but the next batch may be there
		// before its line.
		if n < applied || n > applied+1 {
			t.Fatalf("round %d: offset is %d after batch %d", round, n, applied)
		}
		last = n
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d batches", rounds, last)
}

// TestTwoProcesses opens a store that another process has.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	cmd, lines := child(t, holdEnv, dir)
	if !lines.Scan() {
		t.Fatalf("the other process ended: %v", cmd.Wait())
	}
	_, err := Open(dir, testOptions())
	if !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open of another process's store: %v; want ErrLocked with the folder", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("second Open in one process: %v; want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, testOptions()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

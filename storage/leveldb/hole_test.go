package leveldb

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	ldb "github.com/syndtr/goleveldb/leveldb/storage"
)

// twoJournals makes a store that is killed while the older of two journals is
// being moved to a table, and returns its folder, the journals and the last
// batch.
func twoJournals(t *testing.T) (copied string, journals []string, last int64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "0")
	release := make(chan struct{})
	o := testOptions()
	// The younger journal must not fill up as well: LevelDB would wait for the
	// older one, which waits for release.
	o.WriteBuffer = 128 << 10
	o.wrap = func(s ldb.Storage) ldb.Storage { return &faultyFiles{Storage: s, budget: -1, tables: release} }
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		close(release)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		// Close waits for what LevelDB moves: see the guard's settle.
		if left := list(t, dir, "*.log"); len(left) != 1 {
			t.Errorf("journals after Close: %v; want one", left)
		}
	}()
	for len(journals) < 2 {
		last++
		if err := writeBatch(s, last); err != nil {
			t.Fatal(err)
		}
		journals = list(t, dir, "*.log")
	}
	for range 3 {
		last++
		if err := writeBatch(s, last); err != nil {
			t.Fatal(err)
		}
	}
	copied = copyDir(t, dir)
	return copied, list(t, copied, "*.log"), last
}

func list(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// TestHole takes the end off the older of two journals, at every place that
// could be the border of a batch, as a crash of the machine may. LevelDB alone
// reads the younger one on top of what is left.
func TestHole(t *testing.T) {
	t.Parallel()
	template, journals, last := twoJournals(t)
	older := filepath.Base(journals[0])
	whole, err := os.ReadFile(journals[0])
	if err != nil {
		t.Fatal(err)
	}
	open := func(dir string) *Store {
		t.Helper()
		s, err := Open(dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	seen := map[int64]bool{}
	borders := batchBorders(t, whole)
	n, random := faults(t, 10)
	for range n {
		borders = append(borders, random.IntN(len(whole)))
	}
	for _, cut := range borders {
		dir := copyDir(t, template)
		path := filepath.Join(dir, older)
		if err := os.Truncate(path, int64(cut)); err != nil {
			t.Fatal(err)
		}
		s := open(dir)
		n, err := verify(s)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		seen[n] = true
		full := cut == len(whole)
		if info := s.Info(); full != (n == last) || full != (info.Lost == 0) || full != (info.Reason == nil) {
			t.Fatalf("cut at %d of %d: batch %d of %d, %+v", cut, len(whole), n, last, info)
		}
		err = writeBatch(s, n+1)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		s = open(dir)
		if m, err := verify(s); err != nil || m != n+1 {
			t.Fatalf("cut at %d: batch %d, %v; want %d", cut, m, err, n+1)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 5 {
		t.Errorf("saw only %d different states", len(seen))
	}

	// Without the older journal nothing of the younger one may be used.
	dir := copyDir(t, template)
	if err := os.Remove(filepath.Join(dir, older)); err != nil {
		t.Fatal(err)
	}
	s := open(dir)
	defer s.Close()
	if n, err := verify(s); err != nil || n != 0 || s.Info().Lost == 0 {
		t.Errorf("without its older journal: batch %d, %v, %+v", n, err, s.Info())
	}
}

// batchBorders returns the lengths at which a journal ends with a whole batch,
// or with a whole part of one that crosses the border of a block.
func batchBorders(t *testing.T, journal []byte) []int {
	t.Helper()
	var borders []int
	const block, header = 32 << 10, 7
	for at := 0; at+header <= len(journal); {
		if left := block - at%block; left < header {
			at += left
			continue
		}
		at += header + int(journal[at+4]) + int(journal[at+5])<<8
		borders = append(borders, at)
	}
	if len(borders) == 0 || borders[len(borders)-1] != len(journal) {
		t.Fatalf("borders %v do not end at %d", borders, len(journal))
	}
	return borders
}

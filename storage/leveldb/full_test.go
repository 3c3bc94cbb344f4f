package leveldb

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	ldb "github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/millrace/millrace/storage"
)

// TestFullDisk fills the disk at random places: in the middle of batches,
// tables and manifests.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	rounds, random := faults(t, 15)
	dir := filepath.Join(t.TempDir(), "0")
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeBatch(s, 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	last := int64(1)
	for round := range rounds {
		budget := random.IntN(150_000)
		last = fill(t, dir, budget, last)
		s, err := Open(dir, testOptions()) // there is room again
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n, err := verify(s)
		if err != nil || n < last || n > last+1 {
			t.Fatalf("round %d, %d bytes: batch %d, %v; want %d or the next", round, budget, n, err, last)
		}
		if s.Info().Lost != 0 {
			t.Errorf("round %d: %+v", round, s.Info())
		}
		last = n
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d batches", last)
}

// fill writes until so many bytes are written, and returns the last batch that
// Apply reported as applied.
func fill(t *testing.T, dir string, budget int, last int64) int64 {
	t.Helper()
	o := testOptions()
	o.NoReplace = false
	o.wrap = func(s ldb.Storage) ldb.Storage {
		return &faultyFiles{Storage: s, budget: budget, err: syscall.ENOSPC}
	}
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(dir, o)
	if err != nil {
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
			t.Fatalf("Open on a full disk: %v", err)
		}
		if strings.Contains(log.String(), "replaced") {
			t.Fatalf("a full disk cost the store: %s", &log)
		}
		return last
	}
	for err == nil {
		if err = writeBatch(s, last+1); err == nil {
			last++
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("Apply on a full disk: %v", err)
	}
	// Nothing goes in after the batch that did not, and the rest can be read.
	if again := s.Apply(s.NewBatch()); again == nil || again.Error() != err.Error() {
		t.Errorf("Apply after a failure: %v; want %v", again, err)
	}
	if err := storage.Clear(s, 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Clear after a failure: %v", err)
	}
	if n, err := verify(s); err != nil || n != last {
		t.Errorf("after a failure: batch %d, %v; want %d", n, err, last)
	}
	_ = s.Close() // it may repeat what failed
	if err := s.Apply(s.NewBatch()); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Apply after Close: %v", err)
	}
	return last
}

// The rows of docs/errors.md about state folders, word for word.
func TestTableOfBadFolders(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	failing := func(budget int, err error) Options {
		o := testOptions()
		o.wrap = func(s ldb.Storage) ldb.Storage { return &faultyFiles{Storage: s, budget: budget, err: err} }
		return o
	}
	rows := map[string]error{}
	_, rows["state folder that is read-only"] = Open(dir, failing(0, syscall.EROFS))
	s, err := Open(dir, failing(1<<20, syscall.ENOSPC))
	if err != nil {
		t.Fatal(err)
	}
	_, rows["state folder that is locked"] = Open(dir, testOptions())
	for n := int64(1); err == nil; n++ {
		err = writeBatch(s, n)
	}
	rows["state folder on a full disk"] = err
	_ = s.Close() // it may repeat what failed
	for name, err := range rows {
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if row := fmt.Sprintf("| %s | `%s` |", name, strings.ReplaceAll(err.Error(), dir, "DIR")); !strings.Contains(string(text), row) {
			t.Errorf("docs/errors.md lacks the row\n%s", row)
		}
	}
}

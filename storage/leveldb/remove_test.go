package leveldb

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/storage"
)

// A store that is open is not removed; one that is closed is, also when an
// earlier removal was broken off.
func TestRemove(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "0")
	if err := Remove(dir); err != nil {
		t.Fatalf("nothing to remove: %v", err)
	}
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("Remove of an open store: %v, want ErrLocked", err)
	}
	if err := errors.Join(writeBatch(s, 1), s.Close(), os.Mkdir(dir+removing, 0o750),
		os.WriteFile(filepath.Join(dir+removing, "rest"), nil, 0o640)); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{dir, dir + removing} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("%s is there: %v", gone, err)
		}
	}
	if s, err = Open(dir, testOptions()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n, ok := s.Offset(); ok {
		t.Errorf("the new store has offset %d", n)
	}
}

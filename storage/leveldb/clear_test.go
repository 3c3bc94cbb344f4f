package leveldb

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	ldb "github.com/syndtr/goleveldb/leveldb/storage"

	"github.com/millrace/millrace/storage"
)

// TestClearBrokenOff fills the disk while a store is cleared. When it is opened
// again it is either as it was, or cleared, also if some of the deletions were
// written and others were not.
func TestClearBrokenOff(t *testing.T) {
	t.Parallel()
	const keys, offset = 280, 100 // 2 MiB of keys: Clear takes several batches
	o := testOptions()
	o.WriteBuffer = 8 << 20 // the journal is all that is written
	template := filepath.Join(t.TempDir(), "0")
	s, err := Open(template, o)
	if err != nil {
		t.Fatal(err)
	}
	b := s.NewBatch()
	for i := range keys {
		b.Put(fmt.Appendf(nil, "%03d%s", i, strings.Repeat("k", 8<<10)), nil)
	}
	b.SetOffset(offset)
	if err := errors.Join(s.Apply(b), s.Close()); err != nil {
		t.Fatal(err)
	}
	open := func(dir string, budget int) (*Store, *faultyFiles, error) {
		o := o
		f := &faultyFiles{budget: budget, err: syscall.ENOSPC}
		o.wrap = func(s ldb.Storage) ldb.Storage { f.Storage = s; return f }
		s, err := Open(dir, o)
		return s, f, err
	}

	// How many bytes opening and clearing take.
	const plenty = 1 << 30
	s, f, err := open(copyDir(t, template), plenty)
	if err != nil {
		t.Fatal(err)
	}
	opened := plenty - f.left()
	if err := storage.Clear(s, 7); err != nil {
		t.Fatal(err)
	}
	cleared := plenty - f.left()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	places, random := faults(t, 2)
	budgets := []int{opened, (opened + cleared) / 2, cleared}
	for range places {
		budgets = append(budgets, opened+random.IntN(cleared-opened))
	}
	finished := 0
	for _, budget := range budgets {
		dir := copyDir(t, template)
		s, _, err := open(dir, budget+1) // what fills the disk is refused
		if err != nil {
			t.Fatal(err)
		}
		err = storage.Clear(s, 7)
		if n, _ := s.Offset(); (err == nil) != (n == 7) {
			t.Errorf("Clear: %v, offset %d", err, n)
		}
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Clear on a full disk: %v", err)
		}
		_ = s.Close() // it may repeat what failed
		again, err2 := Open(dir, o)
		if err2 != nil {
			t.Fatal(err2)
		}
		left := 0
		it := again.Range(nil, nil)
		for it.Next() {
			left++
		}
		n, _ := again.Offset()
		if !(n == 7 && left == 0) && !(n == offset && left == keys) {
			t.Errorf("after a Clear that was broken off after %d bytes: %d keys, offset %d", budget-opened, left, n)
		}
		if err != nil && n == 7 {
			finished++
		}
		if err := errors.Join(it.Close(), again.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if finished == 0 {
		t.Error("no Clear was broken off in the middle and finished by Open")
	}
}

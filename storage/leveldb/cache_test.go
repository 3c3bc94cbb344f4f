package leveldb

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/millrace/millrace/storage"
)

// Stores that share a cache are read, and closed and opened again, while the
// others are at work. The cache is so small that each has blocks of others
// evicted; none may get another's block, though their files have the same
// numbers.
func TestSharedCache(t *testing.T) {
	cache := NewCache(32 << 10)
	const keys = 500
	var wg sync.WaitGroup
	for n := range 4 {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(n))
		value := func(i int) string { return fmt.Sprintf("%0100d of store %d", i, n) }
		wg.Go(func() {
			for round := range 3 {
				s, err := Open(dir, Options{Identity: testIdentity, Cache: cache, WriteBuffer: 16 << 10, noSync: true})
				if err != nil {
					t.Error(err)
					return
				}
				if round == 0 {
					b := s.NewBatch()
					for i := range keys {
						b.Put(benchKey(i), []byte(value(i)))
					}
					if err := errors.Join(s.Apply(b), s.db.CompactRange(util.Range{})); err != nil {
						t.Error(err)
					}
				}
				for i := range keys {
					if got, err := s.Get(benchKey(i)); err != nil || string(got) != value(i) {
						t.Errorf("store %d, key %d: %q, %v", n, i, got, err)
						break
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A store takes its write buffer when it is opened, and merges the files of a
// small one after more of them.
func TestWriteBufferAndFiles(t *testing.T) {
	for buffer, want := range map[int]int{64 << 10: 16, 1 << 20: 16, 2 << 20: 8, 4 << 20: 4, 16 << 20: 4} {
		if got := (Options{WriteBuffer: buffer}).withDefaults().leveldb().GetCompactionL0Trigger(); got != want {
			t.Errorf("a write buffer of %d bytes: merges after %d files, want %d", buffer, got, want)
		}
	}
	if err := (Options{Identity: testIdentity, Mode: storage.Owner, WriteBuffer: -1}).validate(); err == nil {
		t.Error("a negative write buffer is accepted")
	}
}

// However often a small store with a small write buffer is opened, it has few
// files.
func TestReopenedStoreHasFewFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "0")
	for n := range 12 {
		s, err := Open(dir, Options{Identity: testIdentity, WriteBuffer: 128 << 10, noSync: true})
		if err != nil {
			t.Fatal(err)
		}
		b := s.NewBatch()
		b.Put(benchKey(n), []byte("value"))
		if err := errors.Join(s.Apply(b), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ldb"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) > 5 {
		t.Errorf("%d files: %s", len(files), files)
	}
}

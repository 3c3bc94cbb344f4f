package leveldb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	ldb "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"

	"github.com/millrace/millrace/storage"
)

// testKeys is how many keys a test's batch changes.
const testKeys = 16

// writeBatch applies batch n, which gives all keys the value n and the store
// the offset n. Sizes differ from batch to batch.
func writeBatch(s storage.Store, n int64) error {
	b := s.NewBatch()
	value := strconv.FormatInt(n, 10) + strings.Repeat(".", int(n%11)*150)
	for k := range testKeys {
		b.Put(fmt.Appendf(nil, "key-%02d", k), []byte(value))
	}
	// Keys that come and go, so that compactions have something to remove.
	b.Put(fmt.Appendf(nil, "n-%d", n), []byte("x"))
	b.Delete(fmt.Appendf(nil, "n-%d", n-5))
	b.SetOffset(n)
	return s.Apply(b)
}

// verify checks that a store is as batch n left it, for some n, and returns it;
// 0 is the empty store. An error that wraps *storage.CorruptError says that the
// store found itself damaged; any other error is a failure of the store.
func verify(s *Store) (int64, error) {
	n, ok := s.Offset()
	it := s.Range(nil, nil)
	defer it.Close()
	keys, rest := 0, 0
	for it.Next() {
		if !strings.HasPrefix(string(it.Key()), "key-") {
			rest++
			continue
		}
		v, _, _ := strings.Cut(string(it.Value()), ".")
		if v != strconv.FormatInt(n, 10) {
			return 0, fmt.Errorf("%s is of batch %s, but the offset is %d", it.Key(), v, n)
		}
		keys++
	}
	if err := it.Err(); err != nil {
		return 0, err
	}
	switch {
	case !ok && keys+rest > 0:
		return 0, fmt.Errorf("%d keys without an offset", keys+rest)
	case ok && (keys != testKeys || rest != int(min(n, 5))):
		return 0, fmt.Errorf("batch %d has %d keys and %d others", n, keys, rest)
	}
	for k := range keys {
		key := fmt.Appendf(nil, "key-%02d", k)
		if _, err := s.Get(key); err != nil {
			return 0, fmt.Errorf("get %s: %w", key, err)
		}
	}
	return n, nil
}

// inUse makes a store of batches 1 to n and returns a copy of its folder as a
// kill would leave it.
func inUse(t *testing.T, n int64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "0")
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range n {
		if err := writeBatch(s, i+1); err != nil {
			t.Fatal(err)
		}
	}
	// Have tables on more than one level.
	if err := s.db.CompactRange(util.Range{}); err != nil {
		t.Fatal(err)
	}
	for i := range int64(30) {
		if err := writeBatch(s, n+i+1); err != nil {
			t.Fatal(err)
		}
	}
	return copyDir(t, dir)
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "0")
	if err := copyLive(dir, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// copyLive copies a store's folder as a kill at this moment would leave it. It
// copies again if LevelDB changed the folder meanwhile.
func copyLive(from, to string) error {
	for {
		before, err := listing(from)
		if err != nil {
			return err
		}
		err = os.CopyFS(to, os.DirFS(from))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		after, lerr := listing(from)
		if lerr != nil {
			return lerr
		}
		if err == nil && before == after {
			return nil
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
}

// listing returns the names and sizes of a folder's files.
func listing(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, e.Name(), info.Size())
	}
	return b.String(), nil
}

// faultyFiles is a file system that fails or stops on demand.
type faultyFiles struct {
	ldb.Storage
	mu     sync.Mutex
	budget int           // bytes that can still be written; negative: any
	err    error         // what else is returned
	tables chan struct{} // creating a table waits for it, if it is set
}

func (f *faultyFiles) Create(fd ldb.FileDesc) (ldb.Writer, error) {
	if fd.Type == ldb.TypeTable && f.tables != nil {
		<-f.tables
	}
	if _, err := f.take(0); err != nil {
		return nil, err
	}
	w, err := f.Storage.Create(fd)
	if err != nil {
		return nil, err
	}
	return faultyWriter{w, f}, nil
}

// take takes n bytes from the budget and returns what there is.
func (f *faultyFiles) take(n int) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.budget < 0:
		return n, nil
	case n >= f.budget:
		n, f.budget = f.budget, 0
		return n, f.err
	}
	f.budget -= n
	return n, nil
}

// left returns the budget that is left.
func (f *faultyFiles) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.budget
}

type faultyWriter struct {
	ldb.Writer
	f *faultyFiles
}

func (w faultyWriter) Write(p []byte) (int, error) {
	n, err := w.f.take(len(p))
	n, werr := w.Writer.Write(p[:n])
	return n, errors.Join(err, werr)
}

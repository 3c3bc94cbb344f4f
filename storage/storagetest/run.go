package storagetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/storage"
)

// OpenFunc opens one store. It is called again after the store was closed, and
// then opens the same one, with what it held. The identity does not matter, but
// is the same each time.
type OpenFunc func() (storage.Store, error)

// Crasher is a Store under test that can end without Close, as if its process
// were killed. The suite then expects all that was applied to be there when it
// is opened again.
type Crasher interface {
	// Crash ends the store and gives back what it holds.
	Crash() error
}

// Run runs the suite. It calls open for each test, to get the means to open a
// new, empty store.
func Run(t *testing.T, open func(t *testing.T) OpenFunc) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"Empty", testEmpty},
		{"Values", testValues},
		{"Copies", testCopies},
		{"BatchOrder", testBatchOrder},
		{"BatchSizes", testBatchSizes},
		{"ForeignBatch", testForeignBatch},
		{"Offset", testOffset},
		{"Ranges", testRanges},
		{"Prefixes", testPrefixes},
		{"LongRange", testLongRange},
		{"IteratorIsolation", testIteratorIsolation},
		{"IteratorEnd", testIteratorEnd},
		{"Snapshot", testSnapshot},
		{"Reopen", testReopen},
		{"Close", testClose},
		{"CloseUnderReaders", testCloseUnderReaders},
		{"Atomic", testAtomic},
		{"Clear", testClear},
		{"Size", testSize},
		{"FollowerReads", testFollowerReads},
		{"FollowerBySize", testFollowerBySize},
		{"FollowerByTime", testFollowerByTime},
		{"FollowerOffset", testFollowerOffset},
		{"FollowerClear", testFollowerClear},
		{"FollowerClosed", testFollowerClosed},
		{"FollowerDetached", testFollowerDetached},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newFixture(t, open)) })
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
}

// fixture is one store and the means to open it again.
type fixture struct {
	storage.Store
	open OpenFunc
}

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func newFixture(t *testing.T, open func(*testing.T) OpenFunc) *fixture {
	f := &fixture{open: open(t)}
	s, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	f.Store = s
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// reopen closes the store and opens it again.
func (f *fixture) reopen(t tb) {
	t.Helper()
	f.reopenAfter(t, f.Close)
}

// reopenAfter opens the store again after its end.
func (f *fixture) reopenAfter(t tb, end func() error) {
	t.Helper()
	if err := end(); err != nil {
		t.Fatal(err)
	}
	s, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	f.Store = s
}

// apply applies changes, the keys and values of which are in pairs.
func apply(t tb, s storage.Store, pairs ...string) {
	t.Helper()
	b := s.NewBatch()
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	mustApply(t, s, b)
}

func mustApply(t tb, s storage.Store, b storage.Batch) {
	t.Helper()
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
}

// wantValue checks Get and Has.
func wantValue(t tb, r storage.Reader, key, want string) {
	t.Helper()
	v, err := r.Get([]byte(key))
	if err != nil || v == nil || string(v) != want {
		t.Errorf("Get(%q) = %q, %v; want %q", key, v, err, want)
	}
	if ok, err := r.Has([]byte(key)); !ok || err != nil {
		t.Errorf("Has(%q) = %t, %v; want true", key, ok, err)
	}
}

// wantNone checks Get and Has.
func wantNone(t tb, r storage.Reader, key string) {
	t.Helper()
	if v, err := r.Get([]byte(key)); v != nil || !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Get(%q) = %q, %v; want ErrNotFound", key, v, err)
	}
	if ok, err := r.Has([]byte(key)); ok || err != nil {
		t.Errorf("Has(%q) = %t, %v; want false", key, ok, err)
	}
}

// wantAll checks an iterator's entries, as "key=value", and closes it.
func wantAll(t tb, it storage.Iterator, want ...string) {
	t.Helper()
	var have []string
	for it.Next() {
		have = append(have, fmt.Sprintf("%s=%s", it.Key(), it.Value()))
	}
	if err := it.Err(); err != nil {
		t.Errorf("iterator failed: %v", err)
	}
	if err := it.Close(); err != nil {
		t.Errorf("Close of the iterator failed: %v", err)
	}
	if fmt.Sprintf("%q", have) != fmt.Sprintf("%q", want) {
		t.Errorf("iterated over %q; want %q", have, want)
	}
}

func wantOffset(t tb, s interface{ Offset() (int64, bool) }, want int64) {
	t.Helper()
	if n, ok := s.Offset(); n != want || !ok {
		t.Errorf("Offset() = %d, %t; want %d", n, ok, want)
	}
}

func wantNoOffset(t tb, s interface{ Offset() (int64, bool) }) {
	t.Helper()
	if n, ok := s.Offset(); ok {
		t.Errorf("Offset() = %d, true; want none", n)
	}
}

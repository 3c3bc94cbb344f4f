package storagetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
)

// never is a delay that no test reaches.
const never = 1000 * time.Hour

func must(t tb, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testFollowerReads(t *testing.T, f *fixture) {
	apply(t, f, "a", "1", "b", "1")
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: never})
	key := []byte("c")
	must(t, w.Put(key, []byte("2"), 1), w.Put([]byte("a"), []byte(""), 2), w.Delete([]byte("b"), 3))
	key[0] = 'x'
	wantValue(t, w, "a", "")
	wantValue(t, w, "c", "2")
	wantNone(t, w, "b")
	wantNone(t, w, "x")
	wantOffset(t, w, 3)
	// Nothing of it is in the store yet.
	wantNoOffset(t, f)
	wantAll(t, f.Range(nil, nil), "a=1", "b=1")
	wantAll(t, w.Range(nil, nil), "a=", "c=2")
	wantOffset(t, f, 3)
	must(t, w.Put([]byte("c"), []byte("3"), 4))
	wantAll(t, w.Prefix([]byte("c")), "c=3")
	must(t, w.Delete([]byte("c"), 5))
	snap, err := w.Snapshot()
	must(t, err)
	must(t, w.Put([]byte("d"), []byte("4"), 6))
	wantAll(t, snap.Range(nil, nil), "a=")
	must(t, snap.Close(), w.Flush())
	wantAll(t, f.Range(nil, nil), "a=", "d=4")
}

func testFollowerBySize(t *testing.T, f *fixture) {
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxBytes: 100, MaxDelay: never})
	must(t, w.Put([]byte("k1"), []byte(strings.Repeat("v", 97)), 1))
	wantNoOffset(t, f)
	must(t, w.Delete([]byte("k"), 2))
	wantOffset(t, f, 2)
	must(t, w.Put([]byte("k2"), nil, 3))
	wantOffset(t, f, 2)
}

func testFollowerByTime(t *testing.T, f *fixture) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: time.Second, Clock: func() time.Time { return now }})
	put := func(next int64) { must(t, w.Put([]byte("k"), nil, next)) }
	put(1)
	now = now.Add(999 * time.Millisecond)
	put(2)
	wantNoOffset(t, f)
	now = now.Add(time.Millisecond)
	put(3)
	wantOffset(t, f, 3)
	now = now.Add(time.Hour) // nothing waits: it begins with the next change
	put(4)
	wantOffset(t, f, 3)
	now = now.Add(time.Second)
	must(t, w.SetOffset(9))
	wantOffset(t, f, 9)
}

func testFollowerOffset(t *testing.T, f *fixture) {
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: never})
	wantNoOffset(t, w)
	must(t, w.SetOffset(4)) // no change
	wantOffset(t, w, 4)
	wantNoOffset(t, f)
	must(t, w.Flush(), w.Flush())
	wantOffset(t, f, 4)
	must(t, w.Put([]byte("a"), []byte("1"), 5), w.Close())
	s, err := f.open()
	must(t, err)
	f.Store = s
	wantOffset(t, f, 5)
	wantAll(t, f.Range(nil, nil), "a=1")
}

func testFollowerClear(t *testing.T, f *fixture) {
	apply(t, f, "a", "1")
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: never})
	must(t, w.Put([]byte("b"), []byte("1"), 5), w.Clear(2))
	wantNone(t, w, "a")
	wantNone(t, w, "b")
	wantOffset(t, w, 2)
	must(t, w.Put([]byte("c"), []byte("1"), 3))
	wantAll(t, w.Range(nil, nil), "c=1")
	wantOffset(t, f, 3)
}

func testFollowerClosed(t *testing.T, f *fixture) {
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: never})
	must(t, w.Put([]byte("a"), []byte("1"), 5), w.Close(), w.Close())
	wantClosed(t, w)
	_, err := w.Snapshot()
	for _, err := range []error{err, w.Put(nil, nil, 1), w.Delete(nil, 1), w.SetOffset(1), w.Flush(), w.Clear(1)} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("call after Close: %v; want ErrClosed", err)
		}
	}
	wantOffset(t, w, 5)
}

// A store goes from a follower to its owner and back, and stays open.
func testFollowerDetached(t *testing.T, f *fixture) {
	w := storage.NewFollower(f.Store, storage.FollowerOptions{MaxDelay: never})
	must(t, storage.SetMode(f.Store, storage.Follower), w.Put([]byte("a"), []byte("1"), 5))
	s, err := w.Detach()
	must(t, err)
	if s != f.Store {
		t.Fatal("Detach returns another store")
	}
	if err := w.Put([]byte("b"), nil, 6); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Put after Detach: %v; want ErrClosed", err)
	}
	must(t, w.Close(), storage.SetMode(s, storage.Owner))
	wantOffset(t, f, 5)
	apply(t, f, "b", "2")
	must(t, storage.SetMode(s, storage.Follower))
	w = storage.NewFollower(s, storage.FollowerOptions{MaxDelay: never})
	must(t, w.Put([]byte("c"), []byte("3"), 9))
	wantAll(t, w.Range(nil, nil), "a=1", "b=2", "c=3")
}

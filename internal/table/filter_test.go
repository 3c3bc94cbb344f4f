package table

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
)

// searches counts the searches of a store, and the iterations.
type searches struct {
	storage.Store
	n, ranges int
}

func (s *searches) Range(start, end []byte) storage.Iterator {
	s.ranges++
	return s.Store.Range(start, end)
}

func (s *searches) Get(key []byte) ([]byte, error) {
	s.n++
	return s.Store.Get(key)
}

// A table of which most keys are new searches its store for few of them: those that
// come before the first write after it was opened, and none if the store was empty.
func TestNewKeysAreNotSearchedFor(t *testing.T) {
	const before, fresh = 5_000, 8_000
	pairs := make([]string, 0, 2*before)
	for i := range before {
		pairs = append(pairs, fmt.Sprint("old", i), "v")
	}
	for name, store := range map[string]storage.Store{"empty": newStore(t), "full": newStore(t, pairs...)} {
		s := &searches{Store: store}
		table := newText(t, Options{Store: s, CacheBytes: 1 << 20})
		round := func(key string, want bool) {
			t.Helper()
			table.Begin(time.Unix(1, 0))
			if _, has, err := table.Get([]byte(key)); has != want || err != nil {
				t.Fatalf("%s: Get(%s) found: %t, %v", name, key, has, err)
			}
			if err := table.Set([]byte(key), "v"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range fresh {
			round(fmt.Sprint("new", i), false)
			if i%500 == 499 {
				saved(t, table)
			}
		}
		if s.n > fresh/10 {
			t.Errorf("%s: %d searches for %d new keys", name, s.n, fresh)
		} else {
			t.Logf("%s: %d searches for %d new keys", name, s.n, fresh)
		}
		for i := range fresh { // many were evicted
			round(fmt.Sprint("new", i), true)
		}
		if name == "full" {
			for i := range before {
				round(fmt.Sprint("old", i), true)
			}
		}
	}
}

// No record waits while the filter reads the store: the first one asks whether there
// is anything, the rest is done with the writes.
func TestFilterIsReadBesideTheHandlers(t *testing.T) {
	s := &searches{Store: newStore(t, "a", "1", "b", "1")}
	table := newText(t, Options{Store: s})
	for i := range 1000 {
		if has, err := table.Has(fmt.Append(nil, "new", i)); has || err != nil {
			t.Fatal(has, err)
		}
	}
	if s.ranges != 1 || table.filter.complete {
		t.Errorf("%d iterations, complete: %t", s.ranges, table.filter.complete)
	}
	if err := table.Write(); err != nil || !table.filter.complete {
		t.Errorf("complete after a write: %t, %v", table.filter.complete, err)
	}
}

// What is on its way to the store while the filter reads that is not missed: it was
// told of the key before it forgot everything.
func TestFilterWaitsForTheBatch(t *testing.T) {
	store := &gated{newStore(t, "a", "1", "b", "1"), make(chan struct{}), make(chan struct{})}
	table := newText(t, Options{Store: store, CacheBytes: 1})
	table.filter.first = 1
	table.Begin(time.Unix(1, 0))
	if table.filter.end(table.filter.read(store, 100)); !table.filter.complete {
		t.Fatal("the filter is not complete")
	}
	if err := errors.Join(table.Set([]byte("new"), "1"), table.Delete([]byte("a")), table.Delete([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	f := table.Freeze()
	if more, err := table.Encode(f, 10, ignore); more || err != nil {
		t.Fatal(more, err)
	}
	table.Committed(f, 1)
	written := make(chan error)
	go func() { written <- table.Write() }()
	<-store.arrived
	if table.filter.complete {
		t.Fatal("the filter has not forgotten the keys, of which most are deleted")
	}
	lookFor := func(key string, want bool) {
		t.Helper()
		if has, err := table.Has([]byte(key)); has != want || err != nil {
			t.Errorf("Has(%s) = %t, %v", key, has, err)
		}
	}
	table.o.Lock.Lock()
	lookFor("nobody else", false)
	table.o.Lock.Unlock()
	store.leave <- struct{}{}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	for i := range 50 { // evicts the others
		lookFor(fmt.Sprint("other", i), false)
	}
	lookFor("new", true)
}

// A key that was deleted, and not seen when the filter was made anew, is told of
// when it comes again.
func TestFilterIsToldOfKeysThatComeAgain(t *testing.T) {
	table := newText(t, Options{})
	table.filter.first = 1
	set := func(has bool) {
		t.Helper()
		table.Begin(time.Unix(1, 0))
		err := table.Set([]byte("k"), "v")
		if !has {
			err = table.Delete([]byte("k"))
		}
		if err != nil {
			t.Fatal(err)
		}
		saved(t, table)
	}
	lookFor := func(key string, want bool) {
		t.Helper()
		if has, err := table.Has([]byte(key)); has != want || err != nil {
			t.Errorf("Has(%s) = %t, %v", key, has, err)
		}
	}
	lookFor("nobody", false)
	set(true)
	set(false)
	lookFor("nobody else", false)
	if !table.filter.complete || table.filter.keys.n != 0 {
		t.Fatalf("the filter was not made anew: %+v", table.filter)
	}
	set(true)
	table.o.CacheBytes = 1
	for i := range 50 {
		lookFor(fmt.Sprint("other", i), false)
	}
	lookFor("k", true)
}

// A filter that is full of keys which are gone is made anew.
func TestFilterForgetsWhatIsDeleted(t *testing.T) {
	table := newText(t, Options{})
	table.filter.first, table.filter.limit = 100, 10_000
	for i := range 20_000 {
		table.Begin(time.Unix(1, 0))
		if err := table.Set(fmt.Append(nil, "key", i), "v"); err != nil {
			t.Fatal(err)
		}
		if i >= 50 {
			if err := table.Delete(fmt.Append(nil, "key", i-50)); err != nil {
				t.Fatal(err)
			}
		}
		if i%20 == 19 {
			saved(t, table)
		}
	}
	if f := &table.filter; f.off || f.keys.bytes > 2000 {
		t.Errorf("the filter has %d bytes for 50 keys, off: %t", f.keys.bytes, f.off)
	}
}

// One that would be too large is given up.
func TestFilterIsBounded(t *testing.T) {
	table := newText(t, Options{})
	table.filter.first, table.filter.limit = 10, 1000
	for i := range 5000 {
		table.Begin(time.Unix(1, 0))
		if err := table.Set(fmt.Append(nil, "key", i), "v"); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			saved(t, table)
		}
	}
	if f := &table.filter; !f.off || f.keys.bytes > 0 {
		t.Errorf("the filter has %d bytes, off: %t", f.keys.bytes, f.off)
	}
	for i := range 5000 {
		if ok, err := table.Has(fmt.Append(nil, "key", i)); !ok || err != nil {
			t.Fatalf("key %d is lost: %v", i, err)
		}
	}
}

// The bits are spread well enough: few keys seem to be there that are not.
func TestFilterIsRarelyWrong(t *testing.T) {
	f := newFilter(1 << 30)
	f.cursor = []byte{0}
	const n = 50_000
	for i := range n {
		f.written(fmt.Appendf(nil, "key-%08d", i))
	}
	f.complete = true
	wrong := 0
	for i := range n {
		if f.lacks(fmt.Appendf(nil, "key-%08d", i)) {
			t.Fatalf("key %d is lost", i)
		}
		if !f.lacks(fmt.Appendf(nil, "new-%08d", i)) {
			wrong++
		}
	}
	if wrong > n/40 {
		t.Errorf("%d of %d answers are wrong", wrong, n)
	}
	t.Logf("%d of %d answers are wrong, %d bytes", wrong, n, f.keys.bytes)
}

package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/millrace/millrace/storage"
)

func testReopen(t *testing.T, f *fixture) {
	id := f.Identity()
	for i := range 4 {
		n := strconv.Itoa(i)
		b := f.NewBatch()
		b.Put([]byte("all"), []byte(n))
		b.Put([]byte(n), []byte("1"))
		if i > 0 {
			b.Delete([]byte(strconv.Itoa(i - 1)))
		}
		b.SetOffset(int64(i))
		mustApply(t, f, b)
		f.reopen(t)
		wantOffset(t, f, int64(i))
		wantAll(t, f.Range(nil, nil), n+"=1", "all="+n)
		if f.Identity() != id {
			t.Errorf("Identity() = %v; want %v", f.Identity(), id)
		}
	}
}

func testClose(t *testing.T, f *fixture) {
	b := f.NewBatch()
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("b"), []byte("1"))
	b.SetOffset(4)
	mustApply(t, f, b)
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	fresh, started := f.Range(nil, nil), snap.Range(nil, nil)
	started.Next()
	key, value := started.Key(), started.Value()
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if string(key) != "a" || string(value) != "1" {
		t.Errorf("Close changed an iterator's entry to %q=%q", key, value)
	}
	wantEnded(t, fresh)
	wantEnded(t, started)
	wantClosed(t, f)
	wantClosed(t, snap)
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Snapshot(); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Snapshot after Close: %v; want ErrClosed", err)
	}
	if _, err := f.SizeOnDisk(); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("SizeOnDisk after Close: %v; want ErrClosed", err)
	}
	for _, b := range []storage.Batch{b, f.NewBatch()} {
		if err := f.Apply(b); !errors.Is(err, storage.ErrClosed) {
			t.Errorf("Apply after Close: %v; want ErrClosed", err)
		}
	}
	if err := storage.Clear(f.Store, 1); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Clear after Close: %v; want ErrClosed", err)
	}
	wantOffset(t, f, 4)
}

// testCloseUnderReaders closes a store that is being read and written.
func testCloseUnderReaders(t *testing.T, f *fixture) {
	for i := range 200 {
		apply(t, f, fmt.Sprintf("%03d", i), "v")
	}
	var wg sync.WaitGroup
	running := make(chan struct{}, 8)
	until := func(step func() error) {
		wg.Go(func() {
			for first := true; ; first = false {
				err := step()
				if first {
					running <- struct{}{}
				}
				if errors.Is(err, storage.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	until(func() error { _, err := f.Get([]byte("100")); return err })
	until(func() error { _, err := f.Has([]byte("nothing")); return err })
	until(func() error {
		it := f.Range(nil, nil)
		for it.Next() {
			if len(it.Key()) != 3 || string(it.Value()) != "v" {
				return fmt.Errorf("iterator gave %q=%q", it.Key(), it.Value())
			}
		}
		return it.Close()
	})
	until(func() error { // leaves its iterators open
		it := f.Prefix([]byte("1"))
		it.Next()
		return it.Err()
	})
	until(func() error {
		s, err := f.Snapshot()
		if err != nil {
			return err
		}
		_, err = s.Get([]byte("000"))
		return errors.Join(err, s.Close())
	})
	until(func() error {
		b := f.NewBatch()
		b.Put([]byte("150"), []byte("v"))
		return f.Apply(b)
	})
	for range 6 {
		<-running
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	s, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	f.Store = s
	wantValue(t, f, "150", "v")
}

// testAtomic has readers look at a store whose batches each give all keys one
// value.
func testAtomic(t *testing.T, f *fixture) {
	const keys, batches = 20, 300
	write := func(n int) {
		b := f.NewBatch()
		for k := range keys {
			b.Put(fmt.Appendf(nil, "%02d", k), []byte(strconv.Itoa(n)))
		}
		b.SetOffset(int64(n))
		if err := f.Apply(b); err != nil {
			t.Error(err)
		}
	}
	write(0)
	check := func(r storage.Reader) error {
		it := r.Range(nil, nil)
		var first []byte
		n := 0
		for ; it.Next(); n++ {
			if first == nil {
				first = bytes.Clone(it.Value())
			}
			if !bytes.Equal(it.Value(), first) {
				return fmt.Errorf("saw batches %s and %s at once", first, it.Value())
			}
		}
		if n != keys {
			return fmt.Errorf("saw %d keys of %d", n, keys)
		}
		return it.Close()
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				snap, err := f.Snapshot()
				if err == nil {
					err = errors.Join(check(f), check(snap), check(snap), snap.Close())
				}
				if err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range batches {
		write(n)
	}
	close(done)
	wg.Wait()
	wantOffset(t, f, batches-1)
}

package storagetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/storage"
)

func testEmpty(t *testing.T, f *fixture) {
	wantNone(t, f, "a")
	wantNone(t, f, "")
	wantNoOffset(t, f)
	wantAll(t, f.Range(nil, nil))
	wantAll(t, f.Prefix(nil))
}

func testValues(t *testing.T, f *fixture) {
	// Keys of the meta space in other stores, binary keys, the empty key.
	keys := []string{"", "a", "o", "mo", "mi", "\x00", "\xff", "\xff\xff", "__offset", "日本", strings.Repeat("k", 10_000)}
	for _, k := range keys {
		apply(t, f, k, "value of "+k)
	}
	check := func() {
		for _, k := range keys {
			wantValue(t, f, k, "value of "+k)
		}
		wantNone(t, f, "b")
		wantNone(t, f, "\x00\x00")
		wantNoOffset(t, f)
	}
	check()
	f.reopen(t)
	check()
	apply(t, f, "a", "")
	wantValue(t, f, "a", "")
	big := strings.Repeat("v", 5<<20)
	apply(t, f, "big", big)
	wantValue(t, f, "big", big)
	f.reopen(t)
	wantValue(t, f, "a", "")
	wantValue(t, f, "big", big)
}

func testCopies(t *testing.T, f *fixture) {
	key, value := []byte("key"), []byte("value")
	b := f.NewBatch()
	b.Put(key, value)
	key[0], value[0] = 'x', 'x'
	b.Delete(key)
	key[0] = 'y'
	mustApply(t, f, b)
	b.Reset()
	b.Put([]byte("other"), []byte("xxxxxxxxx"))
	wantValue(t, f, "key", "value")
	v, err := f.Get([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	v[0] = 'x'
	wantValue(t, f, "key", "value")
}

func testBatchOrder(t *testing.T, f *fixture) {
	b := f.NewBatch()
	b.Put([]byte("a"), []byte("1"))
	b.Put([]byte("a"), []byte("2"))
	b.Put([]byte("b"), []byte("1"))
	b.Delete([]byte("b"))
	b.Delete([]byte("c"))
	b.Put([]byte("c"), []byte("1"))
	mustApply(t, f, b)
	wantAll(t, f.Range(nil, nil), "a=2", "c=1")
	b.Reset()
	b.Delete([]byte("a"))
	mustApply(t, f, b)
	wantAll(t, f.Range(nil, nil), "c=1")
}

func testBatchSizes(t *testing.T, f *fixture) {
	b := f.NewBatch()
	for range 2 {
		if b.Len() != 0 || b.Size() != 0 {
			t.Errorf("empty batch has Len %d, Size %d", b.Len(), b.Size())
		}
		b.SetOffset(7)
		b.Put([]byte("abc"), []byte("de"))
		b.Delete([]byte("fghi"))
		if b.Len() != 2 || b.Size() != 9 {
			t.Errorf("batch has Len %d, Size %d; want 2, 9", b.Len(), b.Size())
		}
		b.Reset()
	}
	mustApply(t, f, b)
	wantNoOffset(t, f) // Reset forgets it
	wantAll(t, f.Range(nil, nil))
}

type foreignBatch struct{ storage.Batch }

func testForeignBatch(t *testing.T, f *fixture) {
	if err := f.Apply(foreignBatch{f.NewBatch()}); !errors.Is(err, storage.ErrForeignBatch) {
		t.Errorf("Apply of a foreign batch: %v; want ErrForeignBatch", err)
	}
	apply(t, f, "a", "1") // that was no failure of the store
}

func testOffset(t *testing.T, f *fixture) {
	apply(t, f, "a", "1")
	wantNoOffset(t, f)
	b := f.NewBatch()
	b.SetOffset(-1)
	if err := f.Apply(b); !errors.Is(err, storage.ErrNegativeOffset) {
		t.Errorf("Apply with a negative offset: %v; want ErrNegativeOffset", err)
	}
	for _, next := range []int64{0, 1, 1 << 40, 5} { // it may go back
		b.Reset()
		b.SetOffset(next) // alone
		mustApply(t, f, b)
		wantOffset(t, f, next)
		f.reopen(t)
		wantOffset(t, f, next)
		b = f.NewBatch()
	}
	apply(t, f, "b", "1")
	wantOffset(t, f, 5)
	b.Put([]byte("c"), nil)
	b.SetOffset(6)
	b.SetOffset(8)
	mustApply(t, f, b)
	wantOffset(t, f, 8)
	f.reopen(t)
	wantOffset(t, f, 8)
	wantAll(t, f.Range(nil, nil), "a=1", "b=1", "c=")
}

func testClear(t *testing.T, f *fixture) {
	var pairs []string
	for range 500 {
		pairs = append(pairs, strings.Repeat("k", len(pairs)), "v")
	}
	apply(t, f, pairs...)
	if err := storage.Clear(f.Store, 3); err != nil {
		t.Fatal(err)
	}
	check := func() {
		wantOffset(t, f, 3)
		wantAll(t, f.Range(nil, nil))
	}
	check()
	f.reopen(t)
	check()
	apply(t, f, "a", "1")
	wantAll(t, f.Range(nil, nil), "a=1")
}

func testSize(t *testing.T, f *fixture) {
	apply(t, f, "a", strings.Repeat("v", 1000))
	if n, err := f.SizeOnDisk(); err != nil || n < 1000 {
		t.Errorf("SizeOnDisk() = %d, %v; want 1000 or more", n, err)
	}
}

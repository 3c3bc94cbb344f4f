package storagetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/storage"
)

func testRanges(t *testing.T, f *fixture) {
	apply(t, f, "", "0", "b", "2", "a", "1", "c", "3", "\xff", "5", "bb", "4")
	for _, test := range []struct {
		start, end []byte
		want       []string
	}{
		{nil, nil, []string{"=0", "a=1", "b=2", "bb=4", "c=3", "\xff=5"}},
		{[]byte{}, nil, []string{"=0", "a=1", "b=2", "bb=4", "c=3", "\xff=5"}},
		{[]byte("a"), nil, []string{"a=1", "b=2", "bb=4", "c=3", "\xff=5"}},
		{[]byte("a\x00"), []byte("c"), []string{"b=2", "bb=4"}},
		{nil, []byte("b"), []string{"=0", "a=1"}},
		{[]byte("b"), []byte("bb"), []string{"b=2"}},
		{[]byte("b"), []byte("b"), nil},
		{[]byte("c"), []byte("a"), nil},
		{nil, []byte{}, nil},
		{[]byte("\xff\x00"), nil, nil},
	} {
		t.Run(fmt.Sprintf("%q-%q", test.start, test.end), func(t *testing.T) {
			wantAll(t, f.Range(test.start, test.end), test.want...)
		})
	}
}

func testPrefixes(t *testing.T, f *fixture) {
	apply(t, f, "", "0", "a", "1", "ab", "2", "abc", "3", "b", "4", "\xff", "5", "\xff\xff", "6", "a\xff", "7", "a\xff\xff", "8")
	for _, test := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"=0", "a=1", "ab=2", "abc=3", "a\xff=7", "a\xff\xff=8", "b=4", "\xff=5", "\xff\xff=6"}},
		{"a", []string{"a=1", "ab=2", "abc=3", "a\xff=7", "a\xff\xff=8"}},
		{"ab", []string{"ab=2", "abc=3"}},
		{"a\xff", []string{"a\xff=7", "a\xff\xff=8"}},
		{"\xff", []string{"\xff=5", "\xff\xff=6"}},
		{"\xff\xff", []string{"\xff\xff=6"}},
		{"c", nil},
	} {
		t.Run(fmt.Sprintf("%q", test.prefix), func(t *testing.T) {
			wantAll(t, f.Prefix([]byte(test.prefix)), test.want...)
		})
	}
}

func testLongRange(t *testing.T, f *fixture) {
	const n = 1000
	b := f.NewBatch()
	for i := range n { // not in order
		i = (i * 617) % n
		b.Put(fmt.Appendf(nil, "%04d", i), fmt.Appendf(nil, "%d", i))
	}
	mustApply(t, f, b)
	for _, test := range []struct{ start, end int }{{0, n}, {0, 64}, {1, 65}, {63, 128}, {64, 129}, {500, n}} {
		var want []string
		for i := test.start; i < test.end; i++ {
			want = append(want, fmt.Sprintf("%04d=%d", i, i))
		}
		wantAll(t, f.Range(fmt.Appendf(nil, "%04d", test.start), fmt.Appendf(nil, "%04d", test.end)), want...)
	}
}

func testIteratorIsolation(t *testing.T, f *fixture) {
	apply(t, f, "a", "1", "b", "1", "c", "1")
	it, started := f.Range(nil, nil), f.Range(nil, nil)
	started.Next()
	b := f.NewBatch()
	b.Put([]byte("a"), []byte("2"))
	b.Put([]byte("ab"), []byte("2"))
	b.Delete([]byte("b"))
	mustApply(t, f, b)
	wantAll(t, it, "a=1", "b=1", "c=1")
	wantAll(t, started, "b=1", "c=1")
	wantAll(t, f.Range(nil, nil), "a=2", "ab=2", "c=1")
}

func testIteratorEnd(t *testing.T, f *fixture) {
	apply(t, f, "a", "1", "b", "1")
	it := f.Range(nil, nil)
	for it.Next() {
	}
	if it.Next() || it.Err() != nil {
		t.Errorf("Next after the end gave an entry or an error: %v", it.Err())
	}
	if err := errors.Join(it.Close(), it.Close(), it.Err()); err != nil {
		t.Error(err)
	}
	it = f.Range(nil, nil)
	it.Next()
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	if it.Next() {
		t.Error("Next after Close gave an entry")
	}
}

func testSnapshot(t *testing.T, f *fixture) {
	apply(t, f, "a", "1", "b", "1")
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b := f.NewBatch()
	b.Put([]byte("a"), []byte("2"))
	b.Delete([]byte("b"))
	b.Put([]byte("c"), []byte("2"))
	mustApply(t, f, b)
	for _, r := range []storage.Reader{snap, snap} { // twice: reading changes nothing
		wantValue(t, r, "a", "1")
		wantValue(t, r, "b", "1")
		wantNone(t, r, "c")
		wantAll(t, r.Range(nil, nil), "a=1", "b=1")
		wantAll(t, r.Prefix([]byte("b")), "b=1")
	}
	it := snap.Range(nil, nil)
	if err := errors.Join(snap.Close(), snap.Close()); err != nil {
		t.Error(err)
	}
	wantAll(t, it, "a=1", "b=1")
	wantClosed(t, snap)
	wantAll(t, f.Range(nil, nil), "a=2", "c=2")
}

// wantClosed checks that all reading methods fail.
func wantClosed(t tb, r storage.Reader) {
	t.Helper()
	if _, err := r.Get([]byte("a")); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Get after Close: %v; want ErrClosed", err)
	}
	if _, err := r.Has([]byte("a")); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Has after Close: %v; want ErrClosed", err)
	}
	for _, it := range []storage.Iterator{r.Range(nil, nil), r.Prefix([]byte("a"))} {
		wantEnded(t, it)
	}
}

// wantEnded checks that an iterator ends since its store was closed.
func wantEnded(t tb, it storage.Iterator) {
	t.Helper()
	if it.Next() || !errors.Is(it.Err(), storage.ErrClosed) {
		t.Errorf("iterator of a closed store: %v; want ErrClosed", it.Err())
	}
	if err := it.Close(); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("Close of an iterator of a closed store: %v; want ErrClosed", err)
	}
}

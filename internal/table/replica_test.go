package table

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
)

func follower(t *testing.T, pairs ...string) *storage.FollowerStore {
	return storage.NewFollower(newStore(t, pairs...), storage.FollowerOptions{MaxDelay: time.Hour})
}

func TestReplica(t *testing.T) {
	f := follower(t, "a", "1", "b", "2", "c", "3")
	r := NewReplica("words", f, text{}, nil)
	want := func(k, want string) {
		t.Helper()
		v, ok, err := r.Get([]byte(k))
		if v != want || ok != (want != "") || err != nil {
			t.Errorf("Get(%s) = %q, %t, %v; want %q", k, v, ok, err, want)
		}
	}
	change := func(k, v string) {
		t.Helper()
		err := f.Put([]byte(k), []byte(v), 1)
		if v == "" {
			err = f.Delete([]byte(k), 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		r.Invalidate([]byte(k))
	}
	for range 2 {
		want("a", "1")
		want("x", "")
	}
	change("a", "10")
	change("x", "20")
	change("b", "")
	want("a", "10")
	want("x", "20")
	want("b", "")
	var list []string
	err := r.Range([]byte("a"), []byte("x"), func(k []byte, v string) bool {
		list = append(list, string(k)+"="+v)
		return true
	})
	if err != nil || !slices.Equal(list, []string{"a=10", "c=3"}) {
		t.Errorf("Range gave %q, %v", list, err)
	}
	if err := r.Range(nil, nil, func([]byte, string) bool { list = nil; return false }); err != nil || list != nil {
		t.Errorf("Range gave %q, %v after the end", list, err)
	}
	it := r.RawRange([]byte("c"), nil)
	if !it.Next() || string(it.Key()) != "c" || string(it.Value()) != "3" {
		t.Errorf("RawRange gave %q=%q", it.Key(), it.Value())
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
}

// TestReplicaBound keeps a replica within its bytes.
func TestReplicaBound(t *testing.T) {
	f := follower(t)
	r := NewReplica("words", f, text{}, nil)
	r.max = 10_000
	for i := range 200 {
		if err := f.Put(fmt.Append(nil, i), []byte(strings.Repeat("v", i*10)), int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		i := i * 7 % 200
		v, ok, err := r.Get(fmt.Append(nil, i))
		if len(v) != i*10 || !ok || err != nil {
			t.Fatalf("Get(%d) = %d bytes, %t, %v", i, len(v), ok, err)
		}
		if i%3 == 0 {
			r.Invalidate(fmt.Append(nil, i), []byte("nothing"))
		}
		size := int64(0)
		for _, c := range r.cache {
			size += c.size
		}
		if size != r.size || size > r.max {
			t.Fatalf("the cache counts %d bytes, its entries %d, of %d", r.size, size, r.max)
		}
	}
	if len(r.cache) < 3 {
		t.Errorf("only %d values are kept", len(r.cache))
	}
}

// TestReplicaUnderChanges reads while a follower writes: a value that was read
// once is never followed by an older one.
func TestReplicaUnderChanges(t *testing.T) {
	const changes, readers = 2000, 3
	f := follower(t, "k", "0000")
	r := NewReplica("words", f, text{}, nil)
	var wg sync.WaitGroup
	last := fmt.Sprintf("%04d", changes-1)
	for range readers {
		wg.Go(func() {
			for seen := ""; seen != last; {
				v, ok, err := r.Get([]byte("k"))
				if !ok || err != nil || v < seen {
					t.Errorf("Get = %q, %t, %v after %q", v, ok, err, seen)
					return
				}
				seen = v
			}
		})
	}
	for i := range changes {
		if err := f.Put([]byte("k"), fmt.Appendf(nil, "%04d", i), int64(i)); err != nil {
			t.Error(err)
		}
		r.Invalidate([]byte("k"))
	}
	wg.Wait()
}

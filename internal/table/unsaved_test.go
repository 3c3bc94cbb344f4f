package table

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

// Ranges over far more entries than are taken at a time see what a map has: with
// rows in the store, changes above them that come in any order, some of them undone.
func TestRangeOverManyUnsavedEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lock sync.Mutex
		tab := New(Options{Name: "t", Store: memory.New(storage.Identity{}), Lock: &lock}, number{}, nil)
		want := map[string]int64{}
		const keys = 1500
		change := func(m map[string]int64, n int) {
			for range n {
				i := rapid.IntRange(0, keys-1).Draw(t, "key")
				k := fmt.Sprintf("%04d", i)
				if i%3 == 0 {
					delete(m, k)
					_ = tab.Delete([]byte(k))
				} else {
					m[k] = int64(n + i)
					_ = tab.Set([]byte(k), int64(n+i))
				}
			}
		}
		compare := func() {
			from, to := rapid.IntRange(0, keys).Draw(t, "from"), rapid.IntRange(0, keys).Draw(t, "to")
			start, end := fmt.Appendf(nil, "%04d", from), fmt.Appendf(nil, "%04d", to)
			var got, all []string
			err := tab.Range(start, end, func(key []byte, v int64) bool {
				if v != want[string(key)] {
					t.Fatalf("%s is %d, want %d", key, v, want[string(key)])
				}
				got = append(got, string(key))
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range slices.Sorted(maps.Keys(want)) {
				if k >= string(start) && k < string(end) {
					all = append(all, k)
				}
			}
			if !slices.Equal(got, all) {
				t.Fatalf("from %s to %s: %d keys, want %d", start, end, len(got), len(all))
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			for range 3 {
				tab.Begin(time.UnixMilli(1))
				if rapid.Bool().Draw(t, "undo") {
					change(maps.Clone(want), 50)
					tab.Rollback()
				} else {
					change(want, 100)
				}
				compare()
			}
			f, err := freeze(tab, ignore)
			if err != nil {
				t.Fatal(err)
			}
			tab.Committed(f, -1)
			if rapid.Bool().Draw(t, "write") {
				if err := tab.Write(); err != nil {
					t.Fatal(err)
				}
			}
			compare()
		}
	})
}

// A handler may change what it iterates over, and sees no key twice.
func TestRangeThatChangesWhatItSees(t *testing.T) {
	var lock sync.Mutex
	tab := New(Options{Name: "t", Store: memory.New(storage.Identity{}), Lock: &lock}, number{}, nil)
	tab.Begin(time.UnixMilli(1))
	for i := range 500 {
		if err := tab.Set(fmt.Appendf(nil, "%04d", i), 0); err != nil {
			t.Fatal(err)
		}
		if i == 250 {
			f, err := freeze(tab, ignore)
			if err != nil {
				t.Fatal(err)
			}
			tab.Committed(f, -1)
			if err := tab.Write(); err != nil {
				t.Fatal(err)
			}
			tab.Begin(time.UnixMilli(2))
		}
	}
	n := 0
	err := tab.Range(nil, nil, func(key []byte, v int64) bool {
		if v != 0 {
			t.Fatalf("%s came again", key)
		}
		n++
		if n%2 == 0 {
			return tab.Delete(key) == nil
		}
		return tab.Set(key, 1) == nil
	})
	if err != nil || n != 500 {
		t.Errorf("%d of 500 keys: %v", n, err)
	}
}

package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/storage"
)

func ignore([]byte, []byte, time.Time) {}

// saved commits and writes all that is dirty.
func saved(t *testing.T, table State) {
	t.Helper()
	f, err := freeze(table, ignore)
	if err != nil {
		t.Fatal(err)
	}
	table.Committed(f, 1)
	if err := table.Write(); err != nil {
		t.Fatal(err)
	}
}

// TestCacheBound sets many new keys with large values: once the store has them
// they count with their size, and go.
func TestCacheBound(t *testing.T) {
	const bound, keys = 50_000, 300
	table := newText(t, Options{CacheBytes: bound})
	big := strings.Repeat("v", 1000)
	for i := range keys {
		table.Begin(time.Time{})
		if err := table.Set(fmt.Append(nil, i), big); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			saved(t, table)
		}
	}
	if n := table.cleanSize; n > bound {
		t.Errorf("the cache has %d bytes; its bound is %d", n, bound)
	}
	if n := len(table.entries); n < 20 || n > 50 {
		t.Errorf("the cache has %d entries of 1000 bytes in %d", n, bound)
	}
	for i := range keys {
		if v, ok, err := table.Get(fmt.Append(nil, i)); v != big || !ok || err != nil {
			t.Fatalf("Get(%d) = %d bytes, %t, %v", i, len(v), ok, err)
		}
	}
	if err := invariants(table); err != nil {
		t.Error(err)
	}
}

// TestSecondChance keeps what is read often.
func TestSecondChance(t *testing.T) {
	pairs := []string{"hot", "v"}
	for i := range 200 {
		pairs = append(pairs, fmt.Sprint("cold", i), "v")
	}
	store := &counting{Store: newStore(t, pairs...)}
	table := newText(t, Options{Store: store, CacheBytes: 10 * (entryOverhead + 8)})
	for i := range 200 {
		for _, k := range []string{"hot", fmt.Sprint("cold", i)} {
			if _, _, err := table.Get([]byte(k)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if store.gets["hot"] != 1 || store.gets["cold199"] != 1 {
		t.Errorf("the store was asked %d times for the hot key; want once", store.gets["hot"])
	}
}

type counting struct {
	storage.Store
	gets map[string]int
}

func (c *counting) Get(key []byte) ([]byte, error) {
	if c.gets == nil {
		c.gets = map[string]int{}
	}
	c.gets[string(key)]++
	return c.Store.Get(key)
}

// TestRollbackToCleanEntry is evicted like any other afterwards.
func TestRollbackToCleanEntry(t *testing.T) {
	table := newText(t, Options{CacheBytes: 1}, "a", "1")
	table.Begin(time.Time{})
	if err := errors.Join(table.Set([]byte("a"), "2"), table.Set([]byte("new"), "2")); err != nil {
		t.Fatal(err)
	}
	table.Rollback()
	for _, k := range []string{"x", "y"} { // take its room
		if _, _, err := table.Get([]byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.entries) > 1 {
		t.Errorf("%d entries are left in a cache of a byte", len(table.entries))
	}
	if v, _, err := table.Get([]byte("a")); v != "1" || err != nil {
		t.Errorf("Get = %q, %v; want 1", v, err)
	}
}

func TestRangeWhileChanging(t *testing.T) {
	table := newText(t, Options{CacheBytes: 1}, "a", "1", "b", "1", "c", "1", "e", "1")
	table.Begin(time.Time{})
	if err := table.Set([]byte("d"), "1"); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := table.Range(nil, nil, func(key []byte, v string) bool {
		seen = append(seen, string(key))
		k := slices.Clone(key)
		if err := errors.Join(table.Delete(k), table.Set(append(k, '2'), v)); err != nil {
			t.Error(err)
		}
		return len(seen) < 10
	})
	if err != nil || !slices.Equal(seen, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("Range gave %q, %v", seen, err)
	}
	var list []string
	if err := table.Range(nil, nil, func(key []byte, _ string) bool { list = append(list, string(key)); return len(list) < 4 }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list, []string{"a2", "b2", "c2", "d2"}) {
		t.Errorf("after it, Range gave %q", list)
	}
	saved(t, table)
	if err := invariants(table); err != nil {
		t.Error(err)
	}
}

func TestEmptyKey(t *testing.T) {
	table := newText(t, Options{}, "", "1")
	table.Begin(time.Time{})
	if err := table.Delete(nil); err != nil {
		t.Fatal(err)
	}
	f, err := freeze(table, ignore)
	if err != nil {
		t.Fatal(err)
	}
	table.Committed(f, 1)
	if rows, bytes := table.Queued(); rows != 1 || bytes == 0 {
		t.Errorf("Queued() = %d, %d, though a deletion waits", rows, bytes)
	}
	if err := table.Write(); err != nil {
		t.Fatal(err)
	}
	if m, err := contents(table.o.Store); len(m) > 0 || err != nil {
		t.Errorf("the store has %q, %v", pairs(m), err)
	}
}

// The empty key is a key: without one, no broker takes a record for a changelog.
func TestEmptyKeyIsNotNil(t *testing.T) {
	table := newText(t, Options{})
	table.Begin(time.Time{})
	if err := table.Set([]byte{}, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := freeze(table, func(key, _ []byte, _ time.Time) {
		if key == nil {
			t.Error("the changelog's record has no key")
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// TestEncodeFails at a commit, which has no effect then.
func TestEncodeFails(t *testing.T) {
	for value, want := range map[string]string{"fails": "bad value", "panics": "codec panicked: in Append", "forgets": "returned 0 bytes"} {
		t.Run(value, func(t *testing.T) {
			table := newText(t, Options{})
			table.Begin(time.Time{})
			if err := errors.Join(table.Set([]byte("a"), "1"), table.Set([]byte("b"), value)); err != nil {
				t.Fatal(err)
			}
			emits := 0
			_, err := freeze(table, func([]byte, []byte, time.Time) { emits++ })
			var e *EncodeError
			if !errors.As(err, &e) || e.Key != "b" || e.Table != "words" || !strings.Contains(err.Error(), want) {
				t.Errorf("Freeze: %v; want an EncodeError of key b with %q", err, want)
			}
			if value == "fails" && !errors.Is(err, errCodec) {
				t.Errorf("Freeze: %v does not wrap the codec's error", err)
			}
			if emits != 0 {
				t.Errorf("a Freeze that failed emitted %d values", emits)
			}
			if err := table.Write(); err != nil {
				t.Fatal(err)
			}
			if m, err := contents(table.o.Store); len(m) > 0 || err != nil {
				t.Errorf("the store has %q, %v", pairs(m), err)
			}
		})
	}
}

func TestDecodeFails(t *testing.T) {
	for value, want := range map[string]string{"undecodable": "bad value", "explosive": "codec panicked: in Decode"} {
		t.Run(value, func(t *testing.T) {
			store := newStore(t, "k", value)
			table := newText(t, Options{Store: store})
			replica := NewReplica("words", store, text{}, nil)
			_, _, get := table.Get([]byte("k"))
			_, has := table.Has([]byte("k"))
			_, _, rget := replica.Get([]byte("k"))
			each := func([]byte, string) bool { return true }
			for what, err := range map[string]error{
				"Get": get, "Has": has, "Set": table.Set([]byte("k"), "v"), "Delete": table.Delete([]byte("k")),
				"Range": table.Range(nil, nil, each), "Replica.Get": rget, "Replica.Range": replica.Range(nil, nil, each),
			} {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `table words, key "k"`) {
					t.Errorf("%s: %v; want %q, the table and the key", what, err, want)
				}
			}
			if err := invariants(table); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStoreFails(t *testing.T) {
	store := newStore(t, "k", "1")
	table := newText(t, Options{Store: store})
	replica := NewReplica("words", store, text{}, nil)
	table.Begin(time.Time{})
	if err := table.Set([]byte("cached"), "1"); err != nil {
		t.Fatal(err)
	}
	f, err := freeze(table, ignore)
	if err != nil {
		t.Fatal(err)
	}
	table.Committed(f, 3)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, get := table.Get([]byte("k"))
	_, _, rget := replica.Get([]byte("k"))
	each := func([]byte, string) bool { return true }
	for what, err := range map[string]error{
		"Get": get, "Set": table.Set([]byte("k"), "v"), "Range": table.Range(nil, nil, each), "Write": table.Write(),
		"Replica.Get": rget, "Replica.Range": replica.Range(nil, nil, each), "RawRange": replica.RawRange(nil, nil).Err(),
	} {
		if !errors.Is(err, storage.ErrClosed) || what != "RawRange" && !strings.Contains(err.Error(), "words") {
			t.Errorf("%s: %v; want ErrClosed with the table's name", what, err)
		}
	}
	if v, ok, err := table.Get([]byte("cached")); v != "1" || !ok || err != nil {
		t.Errorf("Get of what is in memory = %q, %t, %v", v, ok, err)
	}
}

// TestClone gives each caller a value of its own.
func TestClone(t *testing.T) {
	store := newStore(t, "k", "one\ntwo", "other", "x")
	table := New(Options{Name: "lists", Store: store, Lock: new(sync.Mutex), Check: true}, lines{}, slices.Clone[[]string])
	replica := NewReplica("lists", store, lines{}, slices.Clone[[]string])
	table.Begin(time.Time{})
	if err := table.Set([]byte("other"), []string{"y"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, get := range []func([]byte) ([]string, bool, error){table.Get, replica.Get} {
			v, ok, err := get([]byte("k"))
			if !ok || err != nil || !slices.Equal(v, []string{"one", "two"}) {
				t.Fatalf("Get = %q, %t, %v", v, ok, err)
			}
			v[0] = "changed"
		}
		if err := table.Range(nil, nil, func(_ []byte, v []string) bool { v[0] += "!"; return true }); err != nil {
			t.Fatal(err)
		}
	}
	if v, _, err := table.Get([]byte("other")); err != nil || v[0] != "y" {
		t.Errorf("Get = %q, %v", v, err)
	}
	if err := table.Verify(); err != nil {
		t.Error(err)
	}
}

// TestNewestWins queues generations that set the same keys.
func TestNewestWins(t *testing.T) {
	table := newText(t, Options{})
	for gen := range 3 {
		table.Begin(time.Time{})
		for _, k := range []string{"b", "a"} {
			if err := table.Set([]byte(k), fmt.Sprint(k, gen)); err != nil {
				t.Fatal(err)
			}
		}
		f, err := freeze(table, ignore)
		if err != nil {
			t.Fatal(err)
		}
		table.Committed(f, int64(gen))
	}
	if err := table.Write(); err != nil {
		t.Fatal(err)
	}
	m, err := contents(table.o.Store)
	if next, _ := table.o.Store.Offset(); err != nil || !slices.Equal(pairs(m), []string{"a=a2", "b=b2"}) || next != 2 {
		t.Errorf("the store has %q at %d, %v", pairs(m), next, err)
	}
}

// TestEncodeFailsEarly: what cannot be encoded fails the commit of the generation
// that it was set in, although it is set again before its turn.
func TestEncodeFailsEarly(t *testing.T) {
	table := newText(t, Options{})
	table.Begin(time.Time{})
	table.From(1, 7)
	if err := table.Set([]byte("a"), "fails"); err != nil {
		t.Fatal(err)
	}
	f := table.Freeze()
	table.Begin(time.Time{})
	table.From(1, 8)
	if err := table.Set([]byte("a"), "1"); err != nil {
		t.Fatal(err)
	}
	_, err := table.Encode(f, 1, ignore)
	var e *EncodeError
	if !errors.As(err, &e) || e.Key != "a" || e.Input != 1 || e.Offset != 7 {
		t.Errorf("Encode: %v; want an EncodeError of offset 7", err)
	}
}

package table

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/leaktest"
	"github.com/millrace/millrace/storage"
	"github.com/millrace/millrace/storage/memory"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// text is a codec of strings, which fails where a value says so.
type text struct{}

var errCodec = errors.New("bad value")

func (text) Append(dst []byte, v string) ([]byte, error) {
	switch v {
	case "fails":
		return nil, errCodec
	case "panics":
		panic("in Append")
	case "forgets":
		return nil, nil
	}
	return append(dst, v...), nil
}

func (text) Decode(b []byte) (string, error) {
	switch string(b) {
	case "undecodable":
		return "", errCodec
	case "explosive":
		panic("in Decode")
	}
	return string(b), nil
}

// lines is a codec of slices, which can be changed in place.
type lines struct{}

func (lines) Append(dst []byte, v []string) ([]byte, error) {
	return append(dst, strings.Join(v, "\n")...), nil
}

func (lines) Decode(b []byte) ([]string, error) { return strings.Split(string(b), "\n"), nil }

// newStore returns a store with values, in pairs.
func newStore(t testing.TB, pairs ...string) *memory.Store {
	t.Helper()
	s := memory.New(storage.Identity{Topic: "table"})
	b := s.NewBatch()
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	if err := s.Apply(b); err != nil {
		t.Fatal(err)
	}
	return s
}

func newText(t testing.TB, o Options, pairs ...string) *Table[string] {
	t.Helper()
	if o.Store == nil {
		o.Store = newStore(t, pairs...)
	}
	if o.Lock == nil {
		o.Lock = new(sync.Mutex)
	}
	o.Name = "words"
	return New(o, text{}, nil)
}

// contents returns what a store holds.
func contents(s storage.Reader) (map[string]string, error) {
	m := map[string]string{}
	it := s.Range(nil, nil)
	for it.Next() {
		m[string(it.Key())] = string(it.Value())
	}
	return m, it.Close()
}

func pairs(m map[string]string) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, k+"="+m[k])
	}
	return list
}

// invariants checks what holds between any two calls.
func invariants[V any](t *Table[V]) error {
	size := int64(0)
	for k, e := range t.entries {
		switch {
		case k != string(e.key):
			return fmt.Errorf("entry %q is kept at %q", e.key, k)
		case !e.listed && !e.unsaved:
			return fmt.Errorf("entry %q is never evicted", k)
		case e.unsaved != slices.Contains(t.unsaved, e):
			return fmt.Errorf("entry %q: unsaved is %t", k, e.unsaved)
		case e.pins < 0 || e.pins > 0 && !e.unsaved:
			return fmt.Errorf("entry %q has %d pins, unsaved is %t", k, e.pins, e.unsaved)
		case e.queued && !e.unsaved:
			return fmt.Errorf("entry %q waits for a write and is not unsaved", k)
		case e.listed && !e.unsaved && int64(e.charged) != int64(len(k))+int64(e.size)+entryOverhead:
			return fmt.Errorf("entry %q of %d bytes counts %d", k, e.size, e.charged)
		}
		if e.listed {
			size += int64(e.charged)
		}
	}
	for _, e := range t.unsaved {
		if t.entries[string(e.key)] != e {
			return fmt.Errorf("unsaved entry %q is not found", e.key)
		}
	}
	if size != t.cleanSize {
		return fmt.Errorf("the cache counts %d bytes; its entries %d", t.cleanSize, size)
	}
	return nil
}

// freeze freezes a table and encodes all that was dirty.
func freeze(t State, emit func(key, value []byte, at time.Time)) (Frozen, error) {
	f := t.Freeze()
	for {
		if more, err := t.Encode(f, 3, emit); err != nil || !more {
			return f, err
		}
	}
}

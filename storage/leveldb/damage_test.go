package leveldb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/storage"
)

// TestDamage does harm to each file of a store that was in use. What is opened
// then must be the store as one of its batches left it, or say that it is
// damaged, and it must stay so when it is written on.
func TestDamage(t *testing.T) {
	t.Parallel()
	const batches = 330
	dir := inUse(t, batches-30)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	rounds, random := faults(t, 2)
	kinds := map[string]int{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		name, size := f.Name(), int(info.Size())
		if kinds[kindOf(name)]++; kinds[kindOf(name)] > 2 {
			continue // one table is like another
		}
		n := rounds
		if kindOf(name) == "other" {
			n = 0
		}
		for _, h := range harms(size, n, random) {
			t.Run(name+"/"+h.name, func(t *testing.T) {
				dir := copyDir(t, dir)
				path := filepath.Join(dir, name)
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if b = h.do(b); b == nil {
					err = os.Remove(path)
				} else {
					err = os.WriteFile(path, b, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
				damaged(t, dir, batches, kindOf(name))
			})
		}
	}
	for _, kind := range []string{"journal", "manifest", "table", "current"} {
		if kinds[kind] == 0 {
			t.Errorf("the store had no %s to damage", kind)
		}
	}
}

func kindOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".log"):
		return "journal"
	case strings.HasSuffix(name, ".ldb"):
		return "table"
	case strings.HasPrefix(name, "MANIFEST"):
		return "manifest"
	case name == "CURRENT":
		return "current"
	}
	return "other"
}

// harm is something that happens to the bytes of a file; nil removes it.
type harm struct {
	name string
	do   func([]byte) []byte
}

// harms are truncations, flipped bits, and lost pages, at random places.
func harms(size, rounds int, random *rand.Rand) []harm {
	hs := []harm{{"removed", func([]byte) []byte { return nil }}}
	cut := func(at int) {
		hs = append(hs, harm{fmt.Sprintf("cut at %d", at), func(b []byte) []byte { return b[:at] }})
	}
	cut(0)
	if size == 0 {
		return hs
	}
	cut(size - 1)
	for range rounds {
		cut(random.IntN(size))
		at, bit := random.IntN(size), random.IntN(8)
		hs = append(hs, harm{fmt.Sprintf("bit %d of %d flipped", bit, at), func(b []byte) []byte {
			b[at] ^= 1 << bit
			return b
		}})
		from := random.IntN(size)
		hs = append(hs, harm{fmt.Sprintf("page at %d zero", from), func(b []byte) []byte {
			clear(b[from:min(from+4096, len(b))])
			return b
		}})
	}
	return hs
}

// damaged opens a damaged store of so many batches.
func damaged(t *testing.T, dir string, batches int64, kind string) {
	o := testOptions()
	o.NoReplace = false
	open := func() *Store {
		t.Helper()
		s, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	info := s.Info()
	if kind == "journal" && info.State == Replaced {
		t.Errorf("a damaged journal cost the whole store: %v", info.Reason)
	}
	n, err := verify(s)
	var corrupt *storage.CorruptError
	if errors.As(err, &corrupt) {
		// Found on reading: the store is replaced when it is opened again.
		if kind != "table" {
			t.Errorf("a damaged %s was found only now: %v", kind, err)
		}
		if err := s.Close(); err != nil {
			t.Logf("Close: %v", err)
		}
		s = open()
		info = s.Info()
		if info.State != Replaced {
			t.Errorf("the store with %v was opened again: %+v", err, info)
		}
		n, err = verify(s)
	}
	if err != nil {
		t.Fatalf("opened as %+v: %v", info, err)
	}
	if info.State == Replaced && (n != 0 || info.Reason == nil || info.MovedTo == "") || n > batches {
		t.Errorf("batch %d of %d, %+v", n, batches, info)
	}
	if kind == "other" && n != batches {
		t.Errorf("batch %d of %d", n, batches)
	}
	t.Logf("%s, batch %d: %v", info.State, n, info.Reason)
	// It must not be that only what is written next shows the harm.
	for range 40 {
		n++
		if err := writeBatch(s, n); err != nil {
			if errors.As(err, &corrupt) && kind == "table" {
				_ = s.Close()
				s = open()
				n, err = verify(s)
				if s.Info().State != Replaced || err != nil {
					t.Fatalf("after a failed write: %+v, %v", s.Info(), err)
				}
				continue
			}
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.Close()
	if m, err := verify(s); err != nil || m != n || s.Info().State != Clean {
		t.Errorf("opened again: batch %d, %v, %+v; want batch %d", m, err, s.Info(), n)
	}
}

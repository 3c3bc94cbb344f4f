package registry

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHeader(t *testing.T) {
	if b := AppendHeader([]byte("x"), 0x01020304); !bytes.Equal(b, []byte{'x', 0, 1, 2, 3, 4}) {
		t.Errorf("%x", b)
	}
	id, rest, err := CutHeader([]byte{0, 0, 0, 1, 2, 'a', 'b'})
	if id != 258 || string(rest) != "ab" || err != nil {
		t.Errorf("%d, %q, %v", id, rest, err)
	}
	for _, bad := range [][]byte{nil, {0}, {0, 0, 0, 1}, {1, 0, 0, 0, 1, 'a'}, []byte(`{"a":1}`), {0, 0, 0, 0, 0}, {0, 0xff, 0xff, 0xff, 0xff}} {
		if _, _, err := CutHeader(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// The vectors are those of Confluent's documentation of the wire format.
func TestIndex(t *testing.T) {
	for want, index := range map[string][]int{"00": {0}, "0202": {1}, "040200": {1, 0}, "0600028001": {0, 1, 64}} {
		b := AppendIndex(nil, index)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("%v: %s, want %s", index, got, want)
		}
		got, rest, err := CutIndex(append(b, 'x'))
		if err != nil || !slices.Equal(got, index) || string(rest) != "x" {
			t.Errorf("%s: %v, %q, %v", want, got, rest, err)
		}
	}
	if got, _, err := CutIndex([]byte{2, 0}); err != nil || !slices.Equal(got, []int{0}) { // the long form of 0
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "02", "01", "0201", "ffffffffffffffffff01", "feffffff0f02"} {
		b, _ := hex.DecodeString(bad)
		if got, _, err := CutIndex(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
}

func FuzzWire(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 4, 2, 0, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		id, rest, err := CutHeader(b)
		if err != nil {
			return
		}
		if again := append(AppendHeader(nil, id), rest...); !bytes.Equal(again, b) {
			t.Fatalf("%x came back as %x", b, again)
		}
		index, payload, err := CutIndex(rest)
		if err != nil {
			return
		}
		again, payload2, err := CutIndex(append(AppendIndex(nil, index), payload...))
		if err != nil || !slices.Equal(again, index) || !bytes.Equal(payload, payload2) {
			t.Fatalf("%v came back as %v, %v", index, again, err)
		}
	})
}

// The cache against a map: what it has is right, it stays within its bound,
// and the entries used last are there.
func TestCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 10).Draw(t, "size")
		c, model := newCache[int](size), map[int]int{}
		var last []int // used, the newest last
		for i := range rapid.IntRange(0, 60).Draw(t, "steps") {
			id := rapid.IntRange(0, 12).Draw(t, "id")
			if rapid.Bool().Draw(t, "put") {
				c.put(id, i)
				model[id] = i
				last = append(last, id)
			} else if v, ok := c.get(id); ok {
				if v != model[id] {
					t.Fatalf("%d is %d, want %d", id, v, model[id])
				}
				last = append(last, id)
			}
			if c.size() > size+1 {
				t.Fatalf("%d entries, want %d at most", c.size(), size)
			}
			if n := len(last); n > 0 {
				if _, ok := c.get(last[n-1]); !ok {
					t.Fatalf("%d was used last and is gone", last[n-1])
				}
			}
		}
	})
}

package table

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// A batch is written in the order of its keys: LevelDB's table in memory, a skip
// list, finds the next place near the last one. The sort is of small items, in
// which the bytes of a key that tell it from the others lie beside its number:
// keys have long beginnings in common, and to look at each in its own place is
// what sorting costs.

// sortItem stands for a write in the sort.
type sortItem struct {
	part  uint64 // eight bytes of the key, after what all have in common
	index int32  // of the write
}

// yieldAfter is how many comparisons are made in one go, about a millisecond.
const yieldAfter = 1 << 15

// sorter keeps the memory of a sort for the next.
type sorter struct {
	items   []sortItem
	indices []int32
}

// order returns the numbers of n different keys in the order of the keys. No lock is
// held: others have the processor now and then.
func (s *sorter) order(n int, key func(int) []byte) []int32 {
	if n == 0 {
		return nil
	}
	s.items, s.indices = slices.Grow(s.items[:0], n), slices.Grow(s.indices[:0], n)
	common := key(0)
	for i := range n {
		common = common[:commonPrefix(common, key(i))]
	}
	from := len(common)
	for i := range n {
		s.items = append(s.items, sortItem{part(key(i)[from:]), int32(i)})
	}
	compared := 0
	slices.SortFunc(s.items, func(a, b sortItem) int {
		if compared++; compared%yieldAfter == 0 {
			yield()
		}
		if c := cmp.Compare(a.part, b.part); c != 0 {
			return c
		}
		return bytes.Compare(key(int(a.index))[from:], key(int(b.index))[from:])
	})
	for _, it := range s.items {
		s.indices = append(s.indices, it.index)
	}
	return s.indices
}

// commonPrefix returns the length of the prefix that two keys share.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// part returns the first eight bytes of a key, with zeros after a shorter one,
// as a number that orders as they do.
func part(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

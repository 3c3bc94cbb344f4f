package workload

import (
	"encoding/binary"
	"math"
)

// Rules is how many rules each record is matched with, all of them, and
// Selectivity how many match it on average. ShuffleBench has a million rules
// on a cluster of machines; this is scaled to one core or two.
const (
	Rules       = 1000
	Selectivity = 0.2
)

// width is the part of the numbers that one rule takes.
var width = uint64(math.Floor(Selectivity/Rules*(1<<63))) * 2

// Match appends to dst the numbers of the rules that match a value: of rule i
// those whose random number lies in the i-th interval. As in ShuffleBench
// every rule is asked.
func Match(dst []int, value []byte) []int {
	if len(value) < HeaderBytes {
		return dst
	}
	n := binary.BigEndian.Uint64(value[8:])
	for i := range Rules {
		if from := uint64(i) * width; n-from < width {
			dst = append(dst, i)
		}
	}
	return dst
}

// StateBytes is the length of the state of one rule.
const StateBytes = 32

// Fold counts a value in the state of a rule, nil for none, and returns the
// state and whether it is to be emitted. The state is four numbers: how many
// records, the sum of their lengths, and of their numbers the least and the
// greatest.
func Fold(state, value []byte) (next []byte, emit bool) {
	next = make([]byte, StateBytes)
	n := binary.BigEndian.Uint64(value[8:])
	count, length, least, most := uint64(0), uint64(0), n, n
	if len(state) == StateBytes {
		count, length = binary.BigEndian.Uint64(state), binary.BigEndian.Uint64(state[8:])
		least, most = min(n, binary.BigEndian.Uint64(state[16:])), max(n, binary.BigEndian.Uint64(state[24:]))
	}
	count, length = count+1, length+uint64(len(value))
	binary.BigEndian.PutUint64(next, count)
	binary.BigEndian.PutUint64(next[8:], length)
	binary.BigEndian.PutUint64(next[16:], least)
	binary.BigEndian.PutUint64(next[24:], most)
	return next, count%10 == 0
}

// Package murmur2 is the hash by which Kafka's Java clients choose a record's
// partition: org.apache.kafka.common.utils.Utils.murmur2, a variant of Austin
// Appleby's MurmurHash2 with a fixed seed.
package murmur2

import (
	"encoding/binary"
	"hash"
)

// Sum32 returns the hash of b, as the unsigned form of Java's int.
func Sum32(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// Partition returns the partition of n that Java's default partitioner chooses
// for a key: the hash without its sign bit, modulo n.
func Partition(key []byte, n int32) int32 {
	return int32(Sum32(key)&0x7fffffff) % n
}

// New returns the hash for goka's WithHasher. Its sum has no sign bit, so that
// goka, which negates negative sums, chooses Java's partition.
func New() hash.Hash32 { return new(digest) }

type digest struct{ b []byte }

func (d *digest) Write(p []byte) (int, error) { d.b = append(d.b, p...); return len(p), nil }
func (d *digest) Sum(b []byte) []byte         { return binary.BigEndian.AppendUint32(b, d.Sum32()) }
func (d *digest) Sum32() uint32               { return Sum32(d.b) & 0x7fffffff }
func (d *digest) Reset()                      { d.b = d.b[:0] }
func (d *digest) Size() int                   { return 4 }
func (d *digest) BlockSize() int              { return 4 }

// Package partition holds the hashes by which Kafka's clients choose the
// partition of a record from its key. Clients of different origin disagree: of
// 10,000 keys, sarama's default puts 9,147 in another of twelve partitions
// than the Java client does. A topic is therefore declared with the
// partitioner of those who write it.
package partition

import (
	"fmt"
	"hash/crc32"

	"github.com/millrace/millrace/internal/murmur2"
)

// By names a way to choose a partition. The zero value is Murmur2.
type By string

const (
	// Murmur2 is the default partitioner of the Java client, of franz-go and
	// of this framework; librdkafka calls it murmur2_random. Positive murmur2
	// modulo the number of partitions (see package murmur2).
	Murmur2 By = "murmur2"
	// FNV1a is the default of sarama, and so of goka: the absolute value of
	// the remainder of the 32-bit FNV-1a hash as a signed number
	// (sarama.NewHashPartitioner).
	FNV1a By = "fnv1a"
	// CRC32 is librdkafka's default, consistent_random: CRC-32 (IEEE, as in
	// zlib) as an unsigned number, modulo. librdkafka takes an empty key for
	// none.
	CRC32 By = "crc32"
)

// All lists the partitioners.
func All() []By { return []By{Murmur2, FNV1a, CRC32} }

// Check returns an error for what is not a partitioner.
func (b By) Check() error {
	switch b {
	case "", Murmur2, FNV1a, CRC32:
		return nil
	}
	return fmt.Errorf("unknown partitioner %q: use %s, %s or %s", string(b), Murmur2, FNV1a, CRC32)
}

// Or returns the partitioner, or another if it is the zero value.
func (b By) Or(other By) By {
	if b == "" {
		return other
	}
	return b
}

// Spreads says whether records with this key have no partition of their own
// and go to any.
func (b By) Spreads(key []byte) bool { return key == nil || b == CRC32 && len(key) == 0 }

// Partition returns the partition of n, at least 1, for a key.
func (b By) Partition(key []byte, n int32) int32 {
	switch b {
	case FNV1a:
		p := int32(fnv1a(key)) % n
		if p < 0 {
			p = -p
		}
		return p
	case CRC32:
		return int32(crc32.ChecksumIEEE(key) % uint32(n))
	}
	return murmur2.Partition(key, n)
}

// fnv1a is hash/fnv's New32a without the interface, which would allocate.
func fnv1a(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// Package partition holds the hashes by which Kafka's clients choose the
// partition of a record from its key. Clients of different origin disagree: of
// 10,000 keys, sarama's default puts 9,147 in another of twelve partitions
// than the Java client does. A topic is therefore declared with the
// partitioner of those who write it.
package partition

import (
	"fmt"
	"hash/crc32"
	"strings"

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

// The ends of names for windowed keys, which are partitioned by the key without
// its window. Kafka Streams does so when it writes them (WindowedStreamPartitioner).
const (
	window  = "-window"
	session = "-session"
)

// Window returns the partitioner of the keys of time windows, of which the last 8
// bytes are left out.
func (b By) Window() By { return b + window }

// Session returns the partitioner of the keys of sessions, of which the last 16
// bytes are left out.
func (b By) Session() By { return b + session }

// Check returns an error for what is not a partitioner.
func (b By) Check() error {
	switch base, _ := b.base(nil); base {
	case "", Murmur2, FNV1a, CRC32:
		return nil
	}
	return fmt.Errorf("unknown partitioner %q: use %s, %s or %s", string(b), Murmur2, FNV1a, CRC32)
}

// Or returns the partitioner, or another if it is the zero value. One that is only
// said to be of windows is that of the other's.
func (b By) Or(other By) By {
	if b.Open() {
		return other + b
	}
	return b
}

// Open says whether the partitioner leaves open what the keys without their windows
// are hashed by, which is Murmur2 then.
func (b By) Open() bool { return b == "" || b[0] == window[0] }

// Of says whether the partitioner is another, or that of windowed keys that are made
// of keys that are partitioned by the other.
func (b By) Of(other By) bool {
	rest, ok := strings.CutPrefix(string(b), string(other))
	return ok && By(rest).Open()
}

// base returns the partitioner of keys that are not windowed, and the key without
// its windows. A key that is too short for one is taken as a whole.
func (b By) base(key []byte) (By, []byte) {
	for b != "" {
		name, n := strings.TrimSuffix(string(b), window), 8
		if len(name) == len(b) {
			name, n = strings.TrimSuffix(string(b), session), 16
		}
		if len(name) == len(b) {
			break
		}
		b = By(name)
		if len(key) >= n {
			key = key[:len(key)-n]
		}
	}
	return b, key
}

// Spreads says whether records with this key have no partition of their own
// and go to any.
func (b By) Spreads(key []byte) bool { return key == nil || b == CRC32 && len(key) == 0 }

// Partition returns the partition of n, at least 1, for a key.
func (b By) Partition(key []byte, n int32) int32 {
	if len(b) > len(Murmur2) || b != "" && b.Open() {
		b, key = b.base(key)
	}
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

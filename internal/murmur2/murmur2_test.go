package murmur2

import (
	"fmt"
	"testing"
)

// The vectors of Kafka's own UtilsTest.testMurmur2.
func TestJavaVectors(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(Sum32([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestHashIsWhatPartitionUses(t *testing.T) {
	for i := range 1000 {
		key := fmt.Appendf(nil, "key-%d", i)
		h := New()
		h.Write(key[:2])
		h.Write(key[2:])
		if got, want := int32(h.Sum32())%12, Partition(key, 12); got != want {
			t.Fatalf("key %q: hash says partition %d, Partition says %d", key, got, want)
		}
	}
}

func BenchmarkPartition(b *testing.B) {
	key := []byte("customer-4711")
	b.ReportAllocs()
	for b.Loop() {
		Partition(key, 12)
	}
}

package partition

import (
	"hash/crc32"
	"hash/fnv"
	"testing"

	"github.com/IBM/sarama"
	"pgregory.net/rapid"
)

// sarama's own partitioners are the reference for two of the three; murmur2
// has Java's vectors in its package.
func TestAgainstSarama(t *testing.T) {
	references := map[By]sarama.Partitioner{
		FNV1a: sarama.NewHashPartitioner("t"),
		CRC32: sarama.NewConsistentCRCHashPartitioner("t"),
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key")
		n := rapid.Int32Range(1, 1000).Draw(t, "partitions")
		for by, ref := range references {
			want, err := ref.Partition(&sarama.ProducerMessage{Key: sarama.ByteEncoder(key)}, n)
			if err != nil {
				t.Fatal(err)
			}
			if got := by.Partition(key, n); got != want {
				t.Fatalf("%s of %q among %d: %d, sarama says %d", by, key, n, got, want)
			}
		}
	})
}

// Published values of the hashes: FNV-1a's test vectors (Landon Curt Noll),
// CRC-32's check value, and librdkafka's unit test of its partitioners
// (rdkafka_msg.c, ut_testkeys), with 17 partitions.
func TestVectors(t *testing.T) {
	for s, want := range map[string]uint32{"": 0x811c9dc5, "a": 0xe40c292c, "foobar": 0xbf9cf968} {
		if got := fnv1a([]byte(s)); got != want {
			t.Errorf("FNV-1a of %q is %#x, want %#x", s, got, want)
		}
		h := fnv.New32a()
		h.Write([]byte(s))
		if h.Sum32() != want {
			t.Errorf("hash/fnv disagrees on %q", s)
		}
	}
	if got := crc32.ChecksumIEEE([]byte("123456789")); got != 0xcbf43926 {
		t.Errorf("CRC-32 of the check string is %#x", got)
	}
	for _, v := range []struct {
		by   By
		key  string
		want int32
	}{
		{CRC32, "23456", 0xb1b451d7 % 17},
		{CRC32, "this is another string with more length to it perhaps", 0xb0150df7 % 17},
		{CRC32, "hejsan", 0xd077037e % 17},
	} {
		if got := v.by.Partition([]byte(v.key), 17); got != v.want {
			t.Errorf("%s of %q: partition %d, want %d", v.by, v.key, got, v.want)
		}
	}
}

func TestSpreads(t *testing.T) {
	for _, b := range All() {
		if !b.Spreads(nil) || b.Spreads([]byte("k")) || b.Spreads([]byte{}) != (b == CRC32) {
			t.Errorf("%s spreads the wrong keys", b)
		}
		if b.Check() != nil {
			t.Errorf("%s is unknown", b)
		}
	}
	if By("md5").Check() == nil {
		t.Error("md5 is a partitioner")
	}
	if By("").Or(CRC32) != CRC32 || FNV1a.Or(CRC32) != FNV1a {
		t.Error("Or")
	}
}

// Windowed keys are where their keys are.
func TestWindows(t *testing.T) {
	for _, by := range append(All(), "") {
		for _, n := range []int32{1, 7, 12} {
			for _, key := range []string{"", "a", "a longer key"} {
				want := by.Partition([]byte(key), n)
				for w, windowed := range map[By]string{by.Window(): "12345678", by.Session(): "1234567812345678", by.Session().Window(): "123456781234567812345678"} {
					if got := w.Partition([]byte(key+windowed), n); got != want {
						t.Errorf("%s of %q with a window, of %d: %d, want %d", w, key, n, got, want)
					}
					if err := w.Check(); err != nil {
						t.Error(err)
					}
					if !w.Of(by) || by != "" && by.Of(w) || By("-window").Or(by) != by.Window() {
						t.Errorf("%q and %q", w, by)
					}
				}
			}
		}
	}
	if By("sha1-window").Check() == nil || By("-windows").Check() == nil {
		t.Error("an unknown partitioner passes")
	}
	if got, want := Murmur2.Window().Partition([]byte("short"), 7), Murmur2.Partition([]byte("short"), 7); got != want {
		t.Errorf("a key without a window: %d, want %d", got, want)
	}
}

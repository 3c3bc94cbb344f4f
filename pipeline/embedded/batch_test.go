package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
)

// resum puts the checksum of a batch right after it was changed.
func resum(b []byte) {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
}

func TestMarkerRoundTrip(t *testing.T) {
	for _, want := range []marker{
		{offset: 0, producer: 1, epoch: 0},
		{offset: 1 << 40, leaderEpoch: 7, timestamp: 1, producer: math.MaxInt64, epoch: math.MaxInt16, commit: true},
	} {
		b, err := readBatch(want.encode())
		if err != nil {
			t.Fatal(err)
		}
		got := marker{b.offset, b.leaderEpoch, b.largestTime, b.producer, b.epoch, b.commit}
		if got != want || !b.isControl() || b.inTransaction() || b.end() != want.offset+1 {
			t.Errorf("read %+v, wrote %+v", b, want)
		}
	}
}

func TestSequencesKeepTheLastFive(t *testing.T) {
	var s sequences
	for i := range int32(7) {
		s.add(batch{epoch: 1, sequence: 10 * i, records: 10, offset: int64(10 * i)})
	}
	if !s.seen || s.count != 5 || s.at != 2 || s.next != 70 || s.ring[1] != (sequenceEntry{60, 70, 60}) || s.ring[2] != (sequenceEntry{20, 30, 20}) {
		t.Errorf("after seven batches: %+v", s)
	}
	s.add(batch{epoch: 2, sequence: 0, records: 1, offset: 70})
	if s.count != 1 || s.next != 1 || s.epoch != 2 {
		t.Errorf("after a new epoch: %+v", s)
	}
	s = sequences{}
	s.add(batch{sequence: math.MaxInt32 - 1, records: 3})
	if s.next != 2 {
		t.Errorf("after the largest number the next is %d", s.next)
	}
}

func FuzzReadBatch(f *testing.F) {
	f.Add(marker{offset: 3, producer: 4, commit: true}.encode())
	f.Add(make([]byte, batchHeader))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := readBatch(raw)
		if err != nil {
			isTorn(raw, 0)
			return
		}
		if b.size < batchHeader || b.size > len(raw) || b.end() <= b.offset {
			t.Errorf("%+v of %d bytes", b, len(raw))
		}
	})
}

func FuzzLogEntry(f *testing.F) {
	f.Add(appendEntry(nil, []byte(`{"type":"init","pid":1}`)))
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, payload := nextEntry(raw)
		if n < 0 || n > len(raw) || n > 0 && len(payload) != n-entryHeader {
			t.Errorf("an entry of %d bytes with %d of payload in %d", n, len(payload), len(raw))
		}
	})
}

func FuzzParsePartition(f *testing.F) {
	f.Add("orders.raw-3")
	f.Add("%2E-0")
	f.Fuzz(func(t *testing.T, name string) {
		if _, n, ok := parsePartition(name); ok && n < 0 {
			t.Errorf("%q is partition %d", name, n)
		}
	})
}

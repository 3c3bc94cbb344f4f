package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// batch is the header of a record batch (KIP-98):
//
//	 0  int64  base offset
//	 8  int32  length of what follows this field
//	12  int32  leader epoch
//	16  int8   magic, 2
//	17  int32  CRC-32C of what follows this field
//	21  int16  attributes
//	23  int32  last offset, counted from the base
//	27  int64  first timestamp
//	35  int64  largest timestamp
//	43  int64  producer id, or -1
//	51  int16  producer epoch
//	53  int32  sequence number of the first record
//	57  int32  number of records
//	61         records
//
// All are big-endian.
type batch struct {
	offset      int64
	size        int // in the file, with the header
	leaderEpoch int32
	attributes  int16
	lastDelta   int32
	largestTime int64
	producer    int64
	epoch       int16
	sequence    int32
	records     int32
	commit      bool // of a control batch: it commits
}

const (
	batchHeader   = 61
	batchOverhead = 12 // bytes that the length field does not count
	maxBatch      = 1 << 30

	attrTransactional = 0x10
	attrControl       = 0x20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errShortBatch = errors.New("the record batch is incomplete")
	errBatchSum   = errors.New("the record batch has a wrong checksum")
)

// readBatch reads the batch that b begins with.
func readBatch(b []byte) (batch, error) {
	if len(b) < batchOverhead {
		return batch{}, errShortBatch
	}
	length := binary.BigEndian.Uint32(b[8:])
	if length < batchHeader-batchOverhead || length > maxBatch {
		return batch{}, fmt.Errorf("the record batch has the length %d", length)
	}
	size := int(length) + batchOverhead
	if size > len(b) {
		return batch{}, errShortBatch
	}
	b = b[:size]
	if b[16] != 2 {
		return batch{}, fmt.Errorf("the record batch has the magic %d", b[16])
	}
	if crc32.Checksum(b[21:], castagnoli) != binary.BigEndian.Uint32(b[17:]) {
		return batch{}, errBatchSum
	}
	h := batch{
		offset:      int64(binary.BigEndian.Uint64(b)),
		size:        size,
		leaderEpoch: int32(binary.BigEndian.Uint32(b[12:])),
		attributes:  int16(binary.BigEndian.Uint16(b[21:])),
		lastDelta:   int32(binary.BigEndian.Uint32(b[23:])),
		largestTime: int64(binary.BigEndian.Uint64(b[35:])),
		producer:    int64(binary.BigEndian.Uint64(b[43:])),
		epoch:       int16(binary.BigEndian.Uint16(b[51:])),
		sequence:    int32(binary.BigEndian.Uint32(b[53:])),
		records:     int32(binary.BigEndian.Uint32(b[57:])),
	}
	if h.offset < 0 || h.lastDelta < 0 || h.records < 0 {
		return batch{}, fmt.Errorf("the record batch has the offset %d, %d records and the last %d after the first", h.offset, h.records, h.lastDelta)
	}
	if h.isControl() {
		var r kmsg.Record
		if err := r.ReadFrom(b[batchHeader:]); err == nil && len(r.Key) >= 4 {
			h.commit = kmsg.ControlRecordKeyType(binary.BigEndian.Uint16(r.Key[2:])) == kmsg.ControlRecordKeyTypeCommit
		}
	}
	return h, nil
}

func (b batch) isControl() bool { return b.attributes&attrControl != 0 }

// inTransaction tells whether it holds records of a transaction.
func (b batch) inTransaction() bool {
	return b.attributes&attrTransactional != 0 && !b.isControl()
}

// end is the offset after the batch.
func (b batch) end() int64 { return b.offset + int64(b.lastDelta) + 1 }

// marker is the control batch that ends a producer's transaction on a
// partition.
type marker struct {
	offset      int64
	leaderEpoch int32
	timestamp   int64 // Unix milliseconds
	producer    int64
	epoch       int16
	commit      bool
}

func (m marker) encode() []byte {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if m.commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	value := kmsg.EndTxnMarker{}
	r := kmsg.Record{Key: key.AppendTo(nil), Value: value.AppendTo(nil)}
	r.Length = int32(len(r.AppendTo(nil)) - 1) // the length itself takes one byte
	b := kmsg.RecordBatch{
		FirstOffset:          m.offset,
		PartitionLeaderEpoch: m.leaderEpoch,
		Magic:                2,
		Attributes:           attrTransactional | attrControl,
		FirstTimestamp:       m.timestamp,
		MaxTimestamp:         m.timestamp,
		ProducerID:           m.producer,
		ProducerEpoch:        m.epoch,
		FirstSequence:        -1,
		NumRecords:           1,
		Records:              r.AppendTo(nil),
	}
	encoded := b.AppendTo(nil)
	binary.BigEndian.PutUint32(encoded[8:], uint32(len(encoded)-batchOverhead))
	binary.BigEndian.PutUint32(encoded[17:], crc32.Checksum(encoded[21:], castagnoli))
	return encoded
}

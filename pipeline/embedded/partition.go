package embedded

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// partition is a partition's folder: segments named after their first offset,
// <offset>.dat with record batches as on the wire, each with an index
// <offset>.idx, and a snapshot.json of an orderly stop.
type partition struct {
	dir      string
	topic    string
	number   int32
	segments []int64 // first offsets, in order

	// what scan found
	last      *batch
	open      map[int64]int16        // epochs of producers with a transaction without an end
	ended     map[producerEpoch]bool // whether an end with that epoch was a commit
	producers map[int64]*sequences
	cut       int64 // bytes of a torn write that were cut off
}

type producerEpoch struct {
	id    int64
	epoch int16
}

// listPartitions finds the partitions' folders, <topic>-<number>.
func listPartitions(data string) ([]*partition, error) {
	root := filepath.Join(data, "partitions")
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ps []*partition
	for _, e := range entries {
		topic, number, ok := parsePartition(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		p := &partition{dir: filepath.Join(root, e.Name()), topic: topic, number: number}
		files, err := os.ReadDir(p.dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			base, ok := strings.CutSuffix(f.Name(), ".dat")
			if n, err := strconv.ParseInt(base, 10, 64); ok && err == nil && n >= 0 {
				p.segments = append(p.segments, n)
			}
		}
		slices.Sort(p.segments)
		ps = append(ps, p)
	}
	return ps, nil
}

// parsePartition splits a folder's name into topic and number.
func parsePartition(name string) (topic string, number int32, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", 0, false
	}
	topic, err := url.PathUnescape(name[:i])
	n, nerr := strconv.ParseInt(name[i+1:], 10, 32)
	return topic, int32(n), err == nil && nerr == nil && n >= 0
}

func (p *partition) file(base int64, suffix string) string {
	return filepath.Join(p.dir, strconv.FormatInt(base, 10)+suffix)
}

// scan reads the segments, cuts off a torn write at the end of the last one,
// and puts the indexes right.
func (p *partition) scan() error {
	p.open = map[int64]int16{}
	p.ended = map[producerEpoch]bool{}
	p.producers = map[int64]*sequences{}
	for i, base := range p.segments {
		if err := p.scanSegment(base, i == len(p.segments)-1); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) scanSegment(base int64, last bool) error {
	path := p.file(base, ".dat")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var index []byte
	for at := 0; at < len(raw); {
		b, err := readBatch(raw[at:])
		if err != nil {
			next := base
			if p.last != nil {
				next = p.last.end()
			}
			if !last || !isTorn(raw[at:], next) {
				return &CorruptError{File: path, Offset: int64(at), Err: err}
			}
			p.cut = int64(len(raw) - at)
			if err := os.Truncate(path, int64(at)); err != nil {
				return err
			}
			break
		}
		p.add(b)
		index = appendIndex(index, b)
		at += b.size
	}
	return writeIndex(p.file(base, ".idx"), index)
}

// isTorn tells the remains of a write that a kill cut short, which was not
// acknowledged, from damage: no whole batch with an offset from next on follows.
func isTorn(rest []byte, next int64) bool {
	for i := 1; i+batchHeader <= len(rest); i++ {
		offset := int64(binary.BigEndian.Uint64(rest[i:]))
		if offset < next || offset-next > math.MaxInt32 {
			continue
		}
		if _, err := readBatch(rest[i:]); err == nil {
			return false
		}
	}
	return true
}

// add notes what a batch says of its producer.
func (p *partition) add(b batch) {
	p.last = &b
	switch {
	case b.isControl():
		delete(p.open, b.producer)
		p.ended[producerEpoch{b.producer, b.epoch}] = b.commit
		return
	case b.inTransaction():
		p.open[b.producer] = b.epoch
	}
	if b.producer >= 0 {
		s := p.producers[b.producer]
		if s == nil {
			s = new(sequences)
			p.producers[b.producer] = s
		}
		s.add(b)
	}
}

// An index entry has 15 bytes, little-endian: version 1, the low byte of the
// CRC-32C of the 13 bytes after it, leader epoch (4), largest timestamp before
// (8, which kfake computes anew), and whether the batch is of a transaction.
// kfake writes the entry after the batch; a kill in between would shift all
// later entries by one batch, and with it which records are of a transaction.
const indexEntry = 15

func appendIndex(index []byte, b batch) []byte {
	var e [indexEntry]byte
	e[0] = 1
	binary.LittleEndian.PutUint32(e[2:], uint32(b.leaderEpoch))
	binary.LittleEndian.PutUint64(e[6:], uint64(b.largestTime))
	if b.inTransaction() {
		e[14] = 1
	}
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return append(index, e[:]...)
}

// writeIndex replaces an index that differs in more than timestamps.
func writeIndex(path string, want []byte) error {
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && sameIndex(have, want) {
		return nil
	}
	return replaceFile(path, want)
}

func sameIndex(have, want []byte) bool {
	if len(have) != len(want) {
		return false
	}
	for i := 0; i < len(have); i += indexEntry {
		h, w := have[i:i+indexEntry], want[i:i+indexEntry]
		if h[1] != byte(crc32.Checksum(h[2:], castagnoli)) || !bytes.Equal(h[2:6], w[2:6]) || h[14] != w[14] {
			return false
		}
	}
	return true
}

// end writes the end of a producer's transaction. Its index entry follows with
// the next scan if the process is killed in between.
func (p *partition) end(producer int64, commit bool, now int64) error {
	base := p.segments[len(p.segments)-1] // there are records, so there is one
	m := marker{offset: p.last.end(), leaderEpoch: p.last.leaderEpoch, timestamp: now, producer: producer, epoch: p.open[producer], commit: commit}
	encoded := m.encode()
	b, err := readBatch(encoded)
	if err != nil {
		return fmt.Errorf("own marker: %w", err)
	}
	if err := appendFile(p.file(base, ".dat"), encoded); err != nil {
		return err
	}
	p.add(b)
	return appendFile(p.file(base, ".idx"), appendIndex(nil, b))
}

// keepOffset sees to it that a partition of which all records were deleted goes
// on at its offset: kfake would start it at 0 again, where consumers with later
// offsets miss records. The snapshot knows the offset, and an end of no
// transaction, which no client sees, is enough of a log to keep it.
func (p *partition) keepOffset(now int64) error {
	if len(p.segments) > 0 {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(p.dir, "snapshot.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var snapshot struct {
		HighWatermark int64 `json:"high_watermark"`
		Epoch         int32 `json:"epoch"`
	}
	if err := json.Unmarshal(raw, &snapshot); err != nil || snapshot.HighWatermark <= 0 {
		return nil // kfake ignores a snapshot that it cannot read, too
	}
	m := marker{offset: snapshot.HighWatermark, leaderEpoch: snapshot.Epoch, timestamp: now, producer: -1, epoch: -1}
	p.segments = []int64{m.offset}
	return replaceFile(p.file(m.offset, ".dat"), m.encode())
}

// appendFile appends to a file.
func appendFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// replaceFile writes a file so that a kill leaves the old or the new one.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp" // kfake removes those at its start
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

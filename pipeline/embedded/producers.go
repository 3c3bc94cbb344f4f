package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// sequences is what a partition knows of a producer: the next sequence number
// and the last batches, by which a batch that is sent again is recognised.
// kfake saves it at an orderly stop only; Kafka rebuilds it from the log, and
// so do we. In memory and on disk it is a ring of five.
type sequences struct {
	ring  [5]sequenceEntry
	at    uint8
	count uint8
	epoch int16
	seen  bool
	next  int32
}

type sequenceEntry struct {
	First  int32 `json:"first_seq"`
	Next   int32 `json:"next_seq"`
	Offset int64 `json:"offset"`
}

func (s *sequences) add(b batch) {
	if b.sequence < 0 {
		return
	}
	if !s.seen || s.epoch != b.epoch {
		*s = sequences{seen: true, epoch: b.epoch}
	}
	s.next = int32((int64(b.sequence) + int64(b.records)) % math.MaxInt32) // as kfake wraps
	s.ring[s.at] = sequenceEntry{First: b.sequence, Next: s.next, Offset: b.offset}
	s.at = (s.at + 1) % uint8(len(s.ring))
	s.count = min(s.count+1, uint8(len(s.ring)))
}

type sequenceWindow struct {
	Producer  int64            `json:"pid"`
	Topic     string           `json:"topic"`
	Partition int32            `json:"partition"`
	Entries   [5]sequenceEntry `json:"entries"`
	Count     uint8            `json:"count"`
	At        uint8            `json:"at"`
	Epoch     int16            `json:"epoch"`
	Seen      bool             `json:"seen"`
	Next      int32            `json:"next_seq"`
}

// writeSequences replaces kfake's file of sequences, which is as old as the
// last orderly stop: with it, a producer that went on since would be told that
// its next batch is out of order.
func writeSequences(data string, ps []*partition) error {
	file := struct {
		Version int              `json:"version"`
		Windows []sequenceWindow `json:"windows"`
	}{Version: 1, Windows: []sequenceWindow{}}
	for _, p := range ps {
		for id, s := range p.producers {
			if !s.seen {
				continue
			}
			file.Windows = append(file.Windows, sequenceWindow{
				Producer: id, Topic: p.topic, Partition: p.number,
				Entries: s.ring, Count: s.count, At: s.at, Epoch: s.epoch, Seen: true, Next: s.next,
			})
		}
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(data, "seq_windows.json"), raw)
}

// producer is what pids.log says of a producer id.
type producer struct {
	epoch         int16
	transactional string
	// settled is the last epoch of which a transaction may have ended, or -1.
	// Under KIP-890 each transaction has an epoch of its own, and that of the
	// one at hand is greater.
	settled int16
}

// logEntry is an entry of pids.log: "init" (a producer's current epoch), "endtx"
// or "timeout" (its transaction was aborted, and its epoch raised).
type logEntry struct {
	Type    string `json:"type"`
	ID      int64  `json:"pid"`
	Epoch   int16  `json:"epoch"`
	TxnID   string `json:"txid,omitempty"`
	Timeout int32  `json:"timeout,omitempty"`
	Commit  *bool  `json:"commit,omitempty"`
}

func readProducers(data string) (map[int64]*producer, error) {
	raw, err := readLog(filepath.Join(data, "pids.log"))
	if err != nil {
		return nil, err
	}
	producers := map[int64]*producer{}
	for len(raw) > 0 {
		n, payload := nextEntry(raw)
		raw = raw[n:]
		var e logEntry
		if json.Unmarshal(payload, &e) != nil {
			continue // as kfake does
		}
		p := producers[e.ID]
		switch {
		case e.Type == "init":
			settled := int16(-1)
			switch {
			case e.Commit != nil: // written at an orderly stop, without the history
				settled = e.Epoch
			case p != nil:
				settled = p.settled
			}
			producers[e.ID] = &producer{epoch: e.Epoch, transactional: e.TxnID, settled: settled}
		case p == nil:
		case e.Type == "endtx":
			p.epoch, p.settled = e.Epoch, e.Epoch
		case e.Type == "timeout":
			p.epoch = e.Epoch
		}
	}
	return producers, nil
}

// fence raises the epochs of all transactional producers, as a coordinator does
// when it aborts: one that lived through the kill must not end the rest of its
// transaction as if it were the whole. It includes those without records in the
// log, whose transaction may have consisted of offsets.
func fence(data string, producers map[int64]*producer, ps []*partition) (int, error) {
	latest := map[int64]int16{}
	for _, p := range ps {
		for id, s := range p.producers {
			latest[id] = max(latest[id], s.epoch)
		}
	}
	var out []byte
	n := 0
	for id, p := range producers {
		if p.transactional == "" {
			continue
		}
		// By two: kfake takes a commit with the epoch before the present one
		// for one sent again, and says that it is done if the last was done.
		e := logEntry{Type: "timeout", ID: id, Epoch: max(p.epoch, latest[id])}
		if e.Epoch <= math.MaxInt16-2 {
			e.Epoch += 2
		} else { // the id gets a new one with its next use
			e = logEntry{Type: "endtx", ID: id, Epoch: math.MaxInt16, Commit: new(bool)}
		}
		payload, err := json.Marshal(e)
		if err != nil {
			return 0, err
		}
		out = appendEntry(out, payload)
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, appendFile(filepath.Join(data, "pids.log"), out)
}

// An entry of pids.log and groups.log: length of what follows the checksum (4),
// CRC-32C of that (4), version (2), JSON. All are little-endian.
const entryHeader = 10

// nextEntry returns the size and the payload of the entry that raw begins with,
// or 0 if there is no whole one.
func nextEntry(raw []byte) (int, []byte) {
	if len(raw) < entryHeader {
		return 0, nil
	}
	length := binary.LittleEndian.Uint32(raw)
	if length < 2 || int64(length) > int64(len(raw)-8) {
		return 0, nil
	}
	b := raw[8 : 8+length]
	if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(raw[4:]) {
		return 0, nil
	}
	return int(8 + length), b[2:]
}

func appendEntry(out, payload []byte) []byte {
	b := make([]byte, entryHeader, entryHeader+len(payload))
	binary.LittleEndian.PutUint16(b[8:], 1)
	b = append(b, payload...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-8))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return append(out, b...)
}

// readLog reads a log and cuts off a torn entry at its end: kfake ignores the
// rest of a log from there on, and would append to it.
func readLog(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	valid := 0
	for {
		n, _ := nextEntry(raw[valid:])
		if n == 0 {
			break
		}
		valid += n
	}
	if valid < len(raw) {
		if err := os.Truncate(path, int64(valid)); err != nil {
			return nil, err
		}
	}
	return raw[:valid], nil
}

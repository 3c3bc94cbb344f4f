package embedded

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// openTransaction is a producer's transaction on one partition of which the
// end was never written.
type openTransaction struct {
	topic     string
	partition int32
	producer  int64
	epoch     int16
}

// A record batch (KIP-98) begins with: base offset (8 bytes), length of what
// follows the length (4), leader epoch (4), magic (1), checksum (4),
// attributes (2), last offset delta (4), two timestamps (16), producer id (8),
// producer epoch (2), base sequence (4), number of records (4).
const (
	batchHeader     = 61
	lengthAt        = 8
	attributesAt    = 21
	producerAt      = 43
	producerEpochAt = 51
	transactional   = 0x10
	control         = 0x20
	maxBatch        = 1 << 30
)

// openTransactions reads the logs that a broker left. kfake forgets at a kill
// which transactions were open: without an end, their records would become
// visible with the next transaction that the same producer commits.
func openTransactions(data string) ([]openTransaction, error) {
	dirs, err := os.ReadDir(filepath.Join(data, "partitions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var open []openTransaction
	for _, d := range dirs {
		topic, partition, ok := parsePartition(d.Name())
		if !ok {
			continue
		}
		producers, err := openInPartition(filepath.Join(data, "partitions", d.Name()))
		if err != nil {
			return nil, err
		}
		for id, epoch := range producers {
			open = append(open, openTransaction{topic, partition, id, epoch})
		}
	}
	return open, nil
}

// parsePartition splits a folder's name into topic and partition.
func parsePartition(name string) (topic string, partition int32, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", 0, false
	}
	topic, err := url.PathUnescape(name[:i])
	n, nerr := strconv.ParseInt(name[i+1:], 10, 32)
	return topic, int32(n), err == nil && nerr == nil && n >= 0
}

func openInPartition(dir string) (map[int64]int16, error) {
	segments, err := filepath.Glob(filepath.Join(dir, "*.dat"))
	if err != nil {
		return nil, err
	}
	base := func(path string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".dat"), 10, 64)
		return n
	}
	slices.SortFunc(segments, func(a, b string) int { return int(base(a) - base(b)) })
	open := map[int64]int16{}
	for _, s := range segments {
		f, err := os.Open(s)
		if err != nil {
			return nil, err
		}
		scanBatches(bufio.NewReaderSize(f, 1<<16), open)
		f.Close()
	}
	return open, nil
}

// scanBatches notes the transactions of a segment: data opens one, a control
// batch ends it. It stops at a torn end, which kfake cuts off.
func scanBatches(r *bufio.Reader, open map[int64]int16) {
	var h [batchHeader]byte
	for {
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(h[lengthAt:]))
		rest := length + lengthAt + 4 - batchHeader
		if rest < 0 || rest > maxBatch {
			return
		}
		if n, err := io.CopyN(io.Discard, r, rest); err != nil || n < rest {
			return
		}
		attributes := binary.BigEndian.Uint16(h[attributesAt:])
		producer := int64(binary.BigEndian.Uint64(h[producerAt:]))
		switch {
		case attributes&control != 0:
			delete(open, producer)
		case attributes&transactional != 0:
			open[producer] = int16(binary.BigEndian.Uint16(h[producerEpochAt:]))
		}
	}
}

// abortTransactions writes the ends.
func abortTransactions(ctx context.Context, g *gate, addresses []string, open []openTransaction) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.Dialer(g.dial))
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	for _, o := range open {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch = o.producer, o.epoch
		t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
		t.Topic, t.Partitions = o.topic, []int32{o.partition}
		m.Topics = append(m.Topics, t)
		req.Markers = append(req.Markers, m)
	}
	resp, err := cl.Broker(0).Request(ctx, req)
	if err != nil {
		return err
	}
	for _, m := range resp.(*kmsg.WriteTxnMarkersResponse).Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return fmt.Errorf("topic %s, partition %d: %w", t.Topic, p.Partition, err)
				}
			}
		}
	}
	return nil
}

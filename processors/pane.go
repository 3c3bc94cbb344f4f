package processors

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/millrace/millrace/pipeline/codec"
)

// Pane is what a table has for a window of a key.
type Pane[A any] struct {
	Value A         // the aggregate
	Time  time.Time // the greatest event time of the records
	Count int64     // of records; those of a sliding window that were there before it included

	pending int64 // when EmitEvery is to emit it, in ms; 0: nothing new
	emitted bool  // EmitEvery has emitted it before
	closed  bool  // it is only retained
}

var errPane = errors.New("malformed pane")

// Panes is the codec of a window's table: eight bytes of time, big-endian, in
// milliseconds, as Kafka Streams stores a timestamp before a value; as varints the
// count, and when it is to be emitted, in milliseconds, times four, plus one if it
// was before, plus two if it is closed; then the value as c encodes it.
func Panes[A any](c codec.Codec[A]) codec.Codec[Pane[A]] {
	if c == nil {
		return nil // which Topology.Validate reports
	}
	return codec.NewAppend("pane of "+c.Name(),
		func(dst []byte, p Pane[A]) ([]byte, error) {
			dst = binary.BigEndian.AppendUint64(dst, uint64(p.Time.UnixMilli()))
			dst = binary.AppendUvarint(dst, uint64(p.Count))
			emit := uint64(p.pending) << 2
			if p.emitted {
				emit |= 1
			}
			if p.closed {
				emit |= 2
			}
			return c.Append(binary.AppendUvarint(dst, emit), p.Value)
		},
		func(b []byte) (p Pane[A], err error) {
			if len(b) < timeSize {
				return p, errPane
			}
			at := int64(binary.BigEndian.Uint64(b))
			b = b[timeSize:]
			count, size := binary.Uvarint(b)
			if size <= 0 || int64(count) < 0 {
				return p, errPane
			}
			b = b[size:]
			emit, size := binary.Uvarint(b)
			if size <= 0 {
				return p, errPane
			}
			v, err := c.Decode(b[size:])
			if err != nil {
				return p, err
			}
			return Pane[A]{v, time.UnixMilli(at).UTC(), int64(count), int64(emit >> 2), emit&1 != 0, emit&2 != 0}, nil
		})
}

// with returns the pane with one more record, of a time in ms.
func (p Pane[A]) with(at int64) Pane[A] {
	p.Count++
	if p.Count == 1 || at > p.Time.UnixMilli() {
		p.Time = time.UnixMilli(at).UTC()
	}
	return p
}

// anew returns the pane for another window with the same records.
func (p Pane[A]) anew() Pane[A] {
	p.pending, p.emitted, p.closed = 0, false, false
	return p
}

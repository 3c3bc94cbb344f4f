package processors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"

	"github.com/millrace/millrace/pipeline/codec"
)

// timed is a value with its time, as Kafka Streams' tables keep it.
type timed[V any] struct {
	ms    int64
	value V
}

// MarshalJSON is for views.
func (t timed[V]) MarshalJSON() ([]byte, error) { return json.Marshal(t.value) }

// present returns the value, nil if there is none.
func (t timed[V]) present(ok bool) *V {
	if !ok {
		return nil
	}
	return &t.value
}

// at returns the time; that of what is not there is before all others.
func (t timed[V]) at(ok bool) int64 {
	if !ok {
		return math.MinInt64
	}
	return t.ms
}

var errRow = errors.New("malformed row")

// timedCodec encodes the time in milliseconds as eight bytes, big-endian, then
// the value.
func timedCodec[V any](c codec.Codec[V]) codec.Codec[timed[V]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("timed "+c.Name(),
		func(dst []byte, t timed[V]) ([]byte, error) {
			return c.Append(binary.BigEndian.AppendUint64(dst, uint64(t.ms)), t.value)
		},
		func(b []byte) (t timed[V], err error) {
			if len(b) < 8 {
				return t, errRow
			}
			t.ms = int64(binary.BigEndian.Uint64(b))
			t.value, err = c.Decode(b[8:])
			return t, err
		})
}

package processors

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/millrace/millrace/pipeline/codec"
)

// enveloped is a value that takes the key of its record along.
type enveloped[V any] struct {
	key   string
	keyed bool
	value V
}

// MarshalJSON is for views.
func (e enveloped[V]) MarshalJSON() ([]byte, error) { return json.Marshal(e.value) }

var errEnvelope = errors.New("malformed envelope")

// envelope encodes the key's length plus one, or 0 without a key, as a varint,
// then the key and the value.
func envelope[V any](c codec.Codec[V]) codec.Codec[enveloped[V]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("envelope of "+c.Name(),
		func(dst []byte, e enveloped[V]) ([]byte, error) {
			if !e.keyed {
				return c.Append(append(dst, 0), e.value)
			}
			dst = binary.AppendUvarint(dst, uint64(len(e.key))+1)
			return c.Append(append(dst, e.key...), e.value)
		},
		func(b []byte) (e enveloped[V], err error) {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size)+1 {
				return e, errEnvelope
			}
			b = b[size:]
			if n > 0 {
				e.key, e.keyed = string(b[:n-1]), true
				b = b[n-1:]
			}
			e.value, err = c.Decode(b)
			return e, err
		})
}

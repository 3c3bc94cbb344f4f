// Package codec turns typed values into the bytes of records and back.
//
// A [Codec] is named after its wire format: two uses of one topic must agree
// on the name, which the topology's validation checks. Codecs append to a
// buffer, so that a hot path encodes without an allocation; [New] makes one of
// two plain functions.
package codec

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Codec encodes and decodes values of one type. It is safe for concurrent use.
type Codec[V any] interface {
	// Name identifies the wire format, such as "json".
	Name() string
	// Append appends the encoding of v to dst and returns the result. On an
	// error the result is dst, or anything: it is not used.
	Append(dst []byte, v V) ([]byte, error)
	// Decode decodes b. It must not keep or change b: the bytes belong to a
	// record or a store.
	Decode(b []byte) (V, error)
}

// ErrLength is returned, wrapped, for bytes of the wrong length.
var ErrLength = errors.New("wrong length")

type funcs[V any] struct {
	name   string
	append func([]byte, V) ([]byte, error)
	decode func([]byte) (V, error)
}

func (f funcs[V]) Name() string                           { return f.name }
func (f funcs[V]) Append(dst []byte, v V) ([]byte, error) { return f.append(dst, v) }
func (f funcs[V]) Decode(b []byte) (V, error)             { return f.decode(b) }

// New makes a codec of two functions.
func New[V any](name string, encode func(V) ([]byte, error), decode func([]byte) (V, error)) Codec[V] {
	return funcs[V]{name, func(dst []byte, v V) ([]byte, error) {
		b, err := encode(v)
		return append(dst, b...), err
	}, decode}
}

// NewAppend makes a codec of an appending function and a decoding one.
func NewAppend[V any](name string, appendTo func(dst []byte, v V) ([]byte, error), decode func([]byte) (V, error)) Codec[V] {
	return funcs[V]{name, appendTo, decode}
}

// JSON encodes values with encoding/json. Its name is "json".
func JSON[V any]() Codec[V] {
	return New("json", func(v V) ([]byte, error) { return json.Marshal(v) },
		func(b []byte) (v V, err error) { err = json.Unmarshal(b, &v); return v, err })
}

// String is the UTF-8 bytes of a string, as Kafka's StringSerializer writes
// them. Bytes that are not UTF-8 are an error.
func String() Codec[string] {
	return NewAppend("string", func(dst []byte, s string) ([]byte, error) { return append(dst, s...), nil },
		func(b []byte) (string, error) {
			if !utf8.Valid(b) {
				return "", errors.New("string is not valid UTF-8")
			}
			return string(b), nil
		})
}

// Bytes leaves bytes as they are. Decode copies.
func Bytes() Codec[[]byte] {
	return NewAppend("bytes", func(dst, b []byte) ([]byte, error) { return append(dst, b...), nil },
		func(b []byte) ([]byte, error) { return append([]byte{}, b...), nil })
}

// Int64 is eight bytes, big-endian, as Kafka's LongSerializer writes them.
func Int64() Codec[int64] {
	return NewAppend("int64", func(dst []byte, n int64) ([]byte, error) {
		return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
	}, func(b []byte) (int64, error) {
		if len(b) != 8 {
			return 0, fmt.Errorf("int64: %w: %d bytes, want 8", ErrLength, len(b))
		}
		return int64(binary.BigEndian.Uint64(b)), nil
	})
}

// Float64 is eight bytes, big-endian IEEE 754, as Kafka's DoubleSerializer
// writes them.
func Float64() Codec[float64] {
	return NewAppend("float64", func(dst []byte, f float64) ([]byte, error) {
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
	}, func(b []byte) (float64, error) {
		if len(b) != 8 {
			return 0, fmt.Errorf("float64: %w: %d bytes, want 8", ErrLength, len(b))
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	})
}

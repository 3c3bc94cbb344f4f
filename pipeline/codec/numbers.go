package codec

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// Int64 is eight bytes, big-endian, as Kafka's LongSerializer writes them.
func Int64() Codec[int64] {
	return sized("int64", 8, func(dst []byte, n int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(n)) },
		func(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) })
}

// Int32 is four bytes, big-endian, as Kafka's IntegerSerializer writes them.
func Int32() Codec[int32] {
	return sized("int32", 4, func(dst []byte, n int32) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) },
		func(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) })
}

// Int16 is two bytes, big-endian, as Kafka's ShortSerializer writes them.
func Int16() Codec[int16] {
	return sized("int16", 2, func(dst []byte, n int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(n)) },
		func(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) })
}

// Float64 is eight bytes, big-endian IEEE 754, as Kafka's DoubleSerializer
// writes them.
func Float64() Codec[float64] {
	return sized("float64", 8, func(dst []byte, f float64) []byte { return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)) },
		func(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) })
}

// Float32 is four bytes, big-endian IEEE 754, as Kafka's FloatSerializer
// writes them.
func Float32() Codec[float32] {
	return sized("float32", 4, func(dst []byte, f float32) []byte { return binary.BigEndian.AppendUint32(dst, math.Float32bits(f)) },
		func(b []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b)) })
}

func sized[V any](name string, size int, appendTo func([]byte, V) []byte, decode func([]byte) V) Codec[V] {
	return NewAppend(name, func(dst []byte, v V) ([]byte, error) { return appendTo(dst, v), nil },
		func(b []byte) (v V, err error) {
			if len(b) != size {
				return v, fmt.Errorf("%s: %w: %d bytes, want %d", name, ErrLength, len(b), size)
			}
			return decode(b), nil
		})
}

// Bool is one byte, 1 or 0, as Kafka's BooleanSerializer writes it.
func Bool() Codec[bool] {
	return NewAppend("bool", func(dst []byte, b bool) ([]byte, error) {
		if b {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	}, func(b []byte) (bool, error) {
		switch {
		case len(b) != 1:
			return false, fmt.Errorf("bool: %w: %d bytes, want 1", ErrLength, len(b))
		case b[0] > 1:
			return false, fmt.Errorf("bool: byte %#x is neither 0 nor 1", b[0])
		}
		return b[0] == 1, nil
	})
}

// UUID is the text of a UUID in 36 characters, its digits small, as Kafka's
// UUIDSerializer writes it. The type may be any of sixteen bytes, such as
// those of the common libraries.
func UUID[U ~[16]byte]() Codec[U] {
	return NewAppend("uuid", func(dst []byte, u U) ([]byte, error) {
		for i, b := range u {
			if i == 4 || i == 6 || i == 8 || i == 10 {
				dst = append(dst, '-')
			}
			dst = hex.AppendEncode(dst, []byte{b})
		}
		return dst, nil
	}, func(b []byte) (u U, err error) {
		if len(b) != 36 {
			return u, fmt.Errorf("uuid: %w: %d bytes, want 36", ErrLength, len(b))
		}
		if b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
			return u, errUUID
		}
		at := 0
		for _, group := range [...][2]int{{0, 8}, {9, 13}, {14, 18}, {19, 23}, {24, 36}} {
			n, err := hex.Decode(u[at:], b[group[0]:group[1]])
			if err != nil {
				return U{}, errUUID
			}
			at += n
		}
		return u, nil
	})
}

var errUUID = errors.New("uuid: not of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")

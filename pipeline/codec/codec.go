// Package codec turns typed values into the bytes of records and back.
//
// A [Codec] is named after its wire format: two uses of one topic must agree
// on the name, which the topology's validation checks. Codecs append to a
// buffer, so that a hot path encodes without an allocation; [New] makes one of
// two plain functions.
//
//	JSON, String, Bytes, Raw                          values
//	Int64, Int32, Int16, Float64, Float32, Bool, UUID as Kafka's serializers write them
//	Key, ParseKey                                     typed keys through any of these
//
// Avro, Protobuf and JSON Schema, with a schema registry, are packages of their
// own below this one: who has no use for them does not link their libraries.
package codec

import (
	"context"
	"encoding/json"
	"errors"
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

// Checker is a Codec that depends on something outside, such as a schema
// registry. A service calls Check of the codecs of its topology before anything
// is processed, and does not start if one returns an error.
type Checker interface {
	// Check makes the codec ready and returns what is wrong. writes says
	// whether the program encodes with it, or only decodes. It tries until ctx
	// ends when what it needs does not answer.
	Check(ctx context.Context, writes bool) error
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

// Raw is Bytes without a copy: what Decode returns is the record's own memory, and
// must not be changed; what is emitted is not copied either, and must not be changed
// afterwards. It costs less where values are passed on or looked at. Who keeps
// such a value keeps all that was fetched with it. A table cannot have it:
// what is read of a store is not there to stay.
func Raw() Codec[[]byte] { return raw{} }

type raw struct{}

func (raw) Name() string                         { return "bytes" }
func (raw) Append(dst, b []byte) ([]byte, error) { return append(dst, b...), nil }
func (raw) Decode(b []byte) ([]byte, error)      { return b[:len(b):len(b)], nil }

// Borrows says that decoded values are part of what was decoded.
func (raw) Borrows() bool { return true }

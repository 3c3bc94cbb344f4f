package registry

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// header reads and writes Confluent's wire format, see
// https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
var header sr.ConfluentHeader

// headerSize is the magic byte and the id.
const headerSize = 5

// maxIndex bounds how deep a message may lie in others.
const maxIndex = 32

// AppendHeader appends the magic byte and a schema's id.
func AppendHeader(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}

// CutHeader splits a value into the id of its schema and the rest. The error
// is ErrFormat.
func CutHeader(b []byte) (id int, rest []byte, err error) {
	switch {
	case len(b) < headerSize:
		return 0, nil, fmt.Errorf("%w: %d bytes are too few for a schema's id: was it written without a schema registry?", ErrFormat, len(b))
	case b[0] != 0:
		return 0, nil, fmt.Errorf("%w: it begins with byte %#x, not with 0: was it written without a schema registry?", ErrFormat, b[0])
	}
	n := int32(binary.BigEndian.Uint32(b[1:]))
	if n <= 0 {
		return 0, nil, fmt.Errorf("%w: %d is no schema's id", ErrFormat, n)
	}
	return int(n), b[headerSize:], nil
}

// AppendIndex appends which message of a Protobuf schema follows: its number
// among the messages of the file, from 0 on, or for one inside another the
// numbers on the way to it. They are varints in zigzag form after their
// number; the first message of a file is a single 0.
func AppendIndex(dst []byte, index []int) []byte {
	if len(index) == 1 && index[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(index)))
	for _, n := range index {
		dst = binary.AppendVarint(dst, int64(n))
	}
	return dst
}

// CutIndex splits what follows a header into the index and the rest. The error
// is ErrFormat.
func CutIndex(b []byte) (index []int, rest []byte, err error) {
	index, rest, err = header.DecodeIndex(b, maxIndex)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: message index: %w", ErrFormat, err)
	}
	for _, n := range index {
		if n < 0 {
			return nil, nil, fmt.Errorf("%w: message index %d", ErrFormat, n)
		}
	}
	return index, rest, nil
}

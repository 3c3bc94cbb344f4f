package processors

import (
	"encoding/json"

	"github.com/millrace/millrace/pipeline/codec"
)

// instruction says what becomes of a subscription.
type instruction byte

const (
	unsubscribe   instruction = iota
	answerIfThere             // subscribes, and answers if there is an entry
	answerAlways              // subscribes, and answers with nothing, too
)

// hash stands for a left value.
type hash [16]byte

// subscription is sent to the partition of a foreign key.
type subscription struct {
	what instruction
	hash hash
	key  string // the left table's
}

// answer comes back to the partition of the left key.
type answer[R any] struct {
	hash  hash
	there bool // the right table has an entry
	value R
}

// hashed is a left value as it is kept.
type hashed[L any] struct {
	hash  hash
	shown bool // an inner join has a result of it, or of the value before
	value L
}

// MarshalJSON is for views.
func (h hashed[L]) MarshalJSON() ([]byte, error) { return json.Marshal(h.value) }

const hashSize = len(hash{})

// subscriptionCodec encodes the instruction, the hash and the key.
func subscriptionCodec() codec.Codec[subscription] {
	return codec.NewAppend("subscription", func(dst []byte, s subscription) ([]byte, error) {
		return append(append(append(dst, byte(s.what)), s.hash[:]...), s.key...), nil
	}, func(b []byte) (s subscription, err error) {
		if len(b) < 1+hashSize || instruction(b[0]) > answerAlways {
			return s, errRow
		}
		s.what = instruction(b[0])
		copy(s.hash[:], b[1:])
		s.key = string(b[1+hashSize:])
		return s, nil
	})
}

// answerCodec encodes whether there is a value, the hash and the value.
func answerCodec[R any](c codec.Codec[R]) codec.Codec[answer[R]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("answer of "+c.Name(), func(dst []byte, a answer[R]) ([]byte, error) {
		dst = append(append(dst, flag(a.there)), a.hash[:]...)
		if !a.there {
			return dst, nil
		}
		return c.Append(dst, a.value)
	}, func(b []byte) (a answer[R], err error) {
		if len(b) < 1+hashSize || b[0] > 1 || b[0] == 0 && len(b) > 1+hashSize {
			return a, errRow
		}
		a.there = b[0] == 1
		copy(a.hash[:], b[1:])
		if a.there {
			a.value, err = c.Decode(b[1+hashSize:])
		}
		return a, err
	})
}

// hashedCodec encodes whether there is a result, the hash and the value.
func hashedCodec[L any](c codec.Codec[L]) codec.Codec[hashed[L]] {
	if c == nil {
		return nil
	}
	return codec.NewAppend("hashed "+c.Name(), func(dst []byte, h hashed[L]) ([]byte, error) {
		return c.Append(append(append(dst, flag(h.shown)), h.hash[:]...), h.value)
	}, func(b []byte) (h hashed[L], err error) {
		if len(b) < 1+hashSize || b[0] > 1 {
			return h, errRow
		}
		h.shown = b[0] == 1
		copy(h.hash[:], b[1:])
		h.value, err = c.Decode(b[1+hashSize:])
		return h, err
	})
}

func hashCodec() codec.Codec[hash] {
	return codec.NewAppend("hash", func(dst []byte, h hash) ([]byte, error) { return append(dst, h[:]...), nil },
		func(b []byte) (h hash, err error) {
			if len(b) != hashSize {
				return h, errRow
			}
			copy(h[:], b)
			return h, nil
		})
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

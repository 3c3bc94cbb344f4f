package pipeline

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/transport"
)

// Message is a record that a Reader has read.
type Message[V any] struct {
	Topic     string
	Partition int
	Offset    int64
	Key       string
	HasKey    bool // false for a record without a key, whose Key is empty
	Value     V    // the zero value if Deleted
	Deleted   bool // the record has no value: a deletion, in a table
	Timestamp time.Time
	Headers   []Header
}

// Header returns the value of the last header of a name.
func (m Message[V]) Header(name string) ([]byte, bool) {
	for i := len(m.Headers) - 1; i >= 0; i-- {
		if m.Headers[i].Name == name {
			return m.Headers[i].Value, true
		}
	}
	return nil, false
}

// MessageError says that a record could not be decoded. The reader can go on
// after it.
type MessageError struct {
	Topic     string
	Partition int
	Offset    int64
	Key       string
	Timestamp time.Time
	Value     []byte // as it is in the topic
	Err       error
}

func (e *MessageError) Error() string {
	return fmt.Sprintf("decode record at topic %s, partition %d, offset %d, key %q: %v", e.Topic, e.Partition, e.Offset, e.Key, e.Err)
}

func (e *MessageError) Unwrap() error { return e.Err }

// message makes a message of a record. On an error it has all but the value.
func (d def[V]) message(r *transport.Record) (Message[V], error) {
	m := Message[V]{Topic: r.Topic, Partition: int(r.Partition), Offset: r.Offset, Key: string(r.Key), HasKey: r.Key != nil,
		Deleted: r.Value == nil, Timestamp: r.Timestamp.UTC()}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, Header{Name: h.Key, Value: h.Value})
	}
	if m.Deleted {
		return m, nil
	}
	v, err := d.decode(r.Value)
	if err != nil {
		return m, &MessageError{m.Topic, m.Partition, m.Offset, m.Key, m.Timestamp, r.Value, err}
	}
	m.Value = v
	return m, nil
}

// decode decodes a value. A codec that panics fails.
func (d def[V]) decode(b []byte) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("codec %s panicked: %v", d.codec.Name(), p)
		}
	}()
	return d.codec.Decode(b)
}

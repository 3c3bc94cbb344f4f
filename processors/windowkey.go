package processors

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// WindowKey returns the key of a time window: the key, then the window's start as
// eight bytes, big-endian, in milliseconds since 1970. It is what Kafka Streams'
// TimeWindowedSerializer writes, so that a TimeWindowedDeserializer reads it; the
// window's end is not in it, and follows from its size.
func WindowKey(key string, start time.Time) string { return windowKey(key, start.UnixMilli()) }

// ParseWindowKey is the reverse of WindowKey. It returns a *WindowKeyError for a
// key that is none.
func ParseWindowKey(s string) (key string, start time.Time, err error) {
	key, ms, err := splitWindow(s)
	return key, time.UnixMilli(ms).UTC(), err
}

// SessionKey returns the key of a session: the key, then the session's end and its
// start, each as eight bytes, big-endian, in milliseconds since 1970. Both are
// times of records. It is what Kafka Streams' SessionWindowedSerializer writes.
func SessionKey(key string, start, end time.Time) string {
	return sessionKey(key, start.UnixMilli(), end.UnixMilli())
}

// ParseSessionKey is the reverse of SessionKey. It returns a *WindowKeyError for a
// key that is none.
func ParseSessionKey(s string) (key string, start, end time.Time, err error) {
	key, from, to, err := splitSession(s)
	return key, time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), err
}

// WindowKeyError says that a key is not that of a window or a session. Kafka
// Streams refuses the same ones.
type WindowKeyError struct {
	Key  string
	What string // is wrong
}

func (e *WindowKeyError) Error() string {
	key := e.Key
	if len(key) > maxShownKey {
		key = key[:maxShownKey] + "..."
	}
	return fmt.Sprintf("windowed key %q: %s", key, e.What)
}

// maxShownKey bounds how much of a key a message shows.
const maxShownKey = 200

const timeSize = 8 // of a time in a key

func windowKey(key string, start int64) string {
	b := make([]byte, 0, len(key)+timeSize)
	return string(binary.BigEndian.AppendUint64(append(b, key...), uint64(start)))
}

func sessionKey(key string, start, end int64) string {
	b := make([]byte, 0, len(key)+2*timeSize)
	b = binary.BigEndian.AppendUint64(append(b, key...), uint64(end))
	return string(binary.BigEndian.AppendUint64(b, uint64(start)))
}

func splitWindow(s string) (key string, start int64, err error) {
	if len(s) < timeSize {
		return "", 0, &WindowKeyError{s, fmt.Sprintf("%d bytes are too few for a window's start: %d are needed", len(s), timeSize)}
	}
	n := len(s) - timeSize
	if start = timeAt(s, n); start < 0 {
		return "", 0, &WindowKeyError{s, "the window's start is before 1970"}
	}
	return s[:n], start, nil
}

func splitSession(s string) (key string, start, end int64, err error) {
	if len(s) < 2*timeSize {
		return "", 0, 0, &WindowKeyError{s, fmt.Sprintf("%d bytes are too few for a session's end and start: %d are needed", len(s), 2*timeSize)}
	}
	n := len(s) - 2*timeSize
	end, start = timeAt(s, n), timeAt(s, n+timeSize)
	switch {
	case start < 0:
		return "", 0, 0, &WindowKeyError{s, "the session's start is before 1970"}
	case end < start:
		return "", 0, 0, &WindowKeyError{s, "the session's end is before its start"}
	}
	return s[:n], start, end, nil
}

func timeAt(s string, i int) int64 {
	var b [timeSize]byte
	copy(b[:], s[i:])
	return int64(binary.BigEndian.Uint64(b[:]))
}

// later adds two spans of milliseconds, neither negative, without overflow.
func later(ms, by int64) int64 {
	if ms > math.MaxInt64-by {
		return math.MaxInt64
	}
	return ms + by
}

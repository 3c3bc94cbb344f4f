package processors_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/pipeline/codec"
	"github.com/millrace/millrace/processors"
)

// The bytes are what TimeWindowedSerializer and SessionWindowedSerializer of Kafka
// Streams 4.4.0 write, with a StringSerializer inside.
func TestWindowKeysAreJavas(t *testing.T) {
	for _, v := range []struct {
		key        string
		start, end int64
		window     string
		session    string
	}{
		{"a", 0, 0, "610000000000000000", "6100000000000000000000000000000000"},
		{"", 1, 2, "0000000000000001", "00000000000000020000000000000001"},
		{"key", 1767225600000, 1767225660000, "6b65790000019b76daa800", "6b65790000019b76db92600000019b76daa800"},
		{"é", 255, 256, "c3a900000000000000ff", "c3a9000000000000010000000000000000ff"},
		{"a", 1<<63 - 2, 1<<63 - 1, "617ffffffffffffffe", "617fffffffffffffff7ffffffffffffffe"},
	} {
		start, end := time.UnixMilli(v.start), time.UnixMilli(v.end)
		if got := hex.EncodeToString([]byte(processors.WindowKey(v.key, start))); got != v.window {
			t.Errorf("window %q at %d: %s, want %s", v.key, v.start, got, v.window)
		}
		if got := hex.EncodeToString([]byte(processors.SessionKey(v.key, start, end))); got != v.session {
			t.Errorf("session %q at %d-%d: %s, want %s", v.key, v.start, v.end, got, v.session)
		}
	}
}

func TestWindowKeysThatAreNone(t *testing.T) {
	var we *processors.WindowKeyError
	for _, s := range []string{"", "short", "key\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if _, _, err := processors.ParseWindowKey(s); !errors.As(err, &we) {
			t.Errorf("window key %q: %v", s, err)
		}
	}
	for _, s := range []string{"", "fifteen bytes..", processors.SessionKey("k", time.UnixMilli(2), time.UnixMilli(1)),
		processors.SessionKey("k", time.UnixMilli(-2), time.UnixMilli(1))} {
		if _, _, _, err := processors.ParseSessionKey(s); !errors.As(err, &we) {
			t.Errorf("session key %q: %v", s, err)
		}
	}
}

func FuzzParseWindowKey(f *testing.F) {
	f.Add("")
	f.Add("key\x00\x00\x01\x9b\x77\x00\xe8\x00")
	f.Fuzz(func(t *testing.T, s string) {
		key, start, err := processors.ParseWindowKey(s)
		if err == nil && processors.WindowKey(key, start) != s {
			t.Errorf("%q is %q at %v, whose key is another", s, key, start)
		}
	})
}

func FuzzParseSessionKey(f *testing.F) {
	f.Add("")
	f.Add(processors.SessionKey("key", time.UnixMilli(1), time.UnixMilli(2)))
	f.Fuzz(func(t *testing.T, s string) {
		key, start, end, err := processors.ParseSessionKey(s)
		if err == nil && (processors.SessionKey(key, start, end) != s || end.Before(start)) {
			t.Errorf("%q is %q from %v to %v", s, key, start, end)
		}
	})
}

// A pane that decodes encodes to bytes that decode to the same.
func FuzzPanes(f *testing.F) {
	c := processors.Panes(codec.String())
	b, err := c.Append(nil, processors.Pane[string]{Value: "v", Time: time.UnixMilli(1767225600000), Count: 300})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("too short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := c.Decode(b)
		if err != nil {
			return
		}
		once, err := c.Append(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Decode(once)
		if err != nil || again != p {
			t.Errorf("%q is %+v, then %+v: %v", b, p, again, err)
		}
		if twice, _ := c.Append(nil, again); !bytes.Equal(once, twice) {
			t.Errorf("%q becomes %q, then %q", b, once, twice)
		}
	})
}

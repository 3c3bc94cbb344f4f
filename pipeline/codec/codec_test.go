package codec

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func roundTrip[V comparable](t *testing.T, c Codec[V], g *rapid.Generator[V]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		v, prefix := g.Draw(t, "v"), rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")
		b, err := c.Append(bytes.Clone(prefix), v)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, prefix) {
			t.Fatalf("%s: Append changed what was there", c.Name())
		}
		got, err := c.Decode(b[len(prefix):])
		if err != nil || got != v {
			t.Fatalf("%s: %v came back as %v, %v", c.Name(), v, got, err)
		}
	})
}

func TestRoundTrips(t *testing.T) {
	roundTrip(t, Int64(), rapid.Int64())
	roundTrip(t, Float64(), rapid.Float64())
	roundTrip(t, String(), rapid.String())
	roundTrip(t, JSON[string](), rapid.String())
}

func TestJavaFormats(t *testing.T) {
	b, _ := Int64().Append(nil, -2)
	if want := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}; !bytes.Equal(b, want) {
		t.Errorf("LongSerializer writes %x for -2, Int64 %x", want, b)
	}
	b, _ = Float64().Append(nil, math.Pi)
	if want := []byte{0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18}; !bytes.Equal(b, want) {
		t.Errorf("DoubleSerializer writes %x for pi, Float64 %x", want, b)
	}
}

func TestBadBytes(t *testing.T) {
	if _, err := Int64().Decode([]byte{1}); !errors.Is(err, ErrLength) {
		t.Errorf("Int64 of one byte: %v", err)
	}
	if _, err := Float64().Decode(nil); !errors.Is(err, ErrLength) {
		t.Errorf("Float64 of nothing: %v", err)
	}
	if _, err := String().Decode([]byte{0xff}); err == nil {
		t.Error("String took bytes that are not UTF-8")
	}
	if _, err := JSON[int]().Decode([]byte("x")); err == nil {
		t.Error("JSON took what is not JSON")
	}
}

// Raw is on the wire what Bytes is, and copies nothing when it decodes.
func TestRawIsNotCopied(t *testing.T) {
	b := []byte("ab")
	v, err := Raw().Decode(b)
	if err != nil || &v[0] != &b[0] || cap(v) != len(v) || Raw().Name() != Bytes().Name() {
		t.Errorf("%q, capacity %d, error %v, name %s", v, cap(v), err, Raw().Name())
	}
}

func TestBytesAreCopied(t *testing.T) {
	in := []byte("abc")
	out, _ := Bytes().Decode(in)
	in[0] = 'x'
	if string(out) != "abc" {
		t.Error("Decode kept its argument")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":1}`))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Int64().Decode(b)
		_, _ = Float64().Decode(b)
		_, _ = String().Decode(b)
		_, _ = JSON[map[string]any]().Decode(b)
	})
}

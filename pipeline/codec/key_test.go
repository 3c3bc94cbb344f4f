package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/pipeline/codec"
)

func keyRoundTrip[K comparable](t *testing.T, c codec.Codec[K], g *rapid.Generator[K]) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		k := g.Draw(t, "k")
		key, err := codec.Key(c, k)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codec.ParseKey(c, key); err != nil || got != k {
			t.Fatalf("%s: %v came back as %v, %v", c.Name(), k, got, err)
		}
	})
}

type point struct {
	X, Y int
}

func TestKeysRoundTrip(t *testing.T) {
	keyRoundTrip(t, codec.Int64(), rapid.Int64())
	keyRoundTrip(t, codec.Int32(), rapid.Int32())
	keyRoundTrip(t, codec.Int16(), rapid.Int16())
	keyRoundTrip(t, codec.Float64(), rapid.Float64())
	keyRoundTrip(t, codec.Float32(), rapid.Float32())
	keyRoundTrip(t, codec.Bool(), rapid.Bool())
	keyRoundTrip(t, codec.UUID[[16]byte](), rapid.Custom(func(t *rapid.T) (u [16]byte) {
		copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		return u
	}))
	keyRoundTrip(t, codec.JSON[point](), rapid.Custom(func(t *rapid.T) point {
		return point{rapid.Int().Draw(t, "x"), rapid.Int().Draw(t, "y")}
	}))
}

// The bytes are those of org.apache.kafka.common.serialization.
func TestSerializerBytes(t *testing.T) {
	u := [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}
	for _, tt := range []struct {
		what string
		key  func() (string, error)
		want string // hexadecimal
	}{
		{"LongSerializer", func() (string, error) { return codec.Key(codec.Int64(), -2) }, "fffffffffffffffe"},
		{"IntegerSerializer", func() (string, error) { return codec.Key(codec.Int32(), 258) }, "00000102"},
		{"IntegerSerializer", func() (string, error) { return codec.Key(codec.Int32(), math.MinInt32) }, "80000000"},
		{"ShortSerializer", func() (string, error) { return codec.Key(codec.Int16(), -1) }, "ffff"},
		{"DoubleSerializer", func() (string, error) { return codec.Key(codec.Float64(), math.Pi) }, "400921fb54442d18"},
		{"FloatSerializer", func() (string, error) { return codec.Key(codec.Float32(), 1.5) }, "3fc00000"},
		{"BooleanSerializer", func() (string, error) { return codec.Key(codec.Bool(), true) }, "01"},
		{"BooleanSerializer", func() (string, error) { return codec.Key(codec.Bool(), false) }, "00"},
		{"UUIDSerializer", func() (string, error) { return codec.Key(codec.UUID[[16]byte](), u) },
			hex.EncodeToString([]byte("123e4567-e89b-12d3-a456-426614174000"))},
		{"StringSerializer", func() (string, error) { return codec.Key(codec.String(), "é") }, "c3a9"},
	} {
		key, err := tt.key()
		if got := hex.EncodeToString([]byte(key)); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.what, got, err, tt.want)
		}
	}
}

func TestBadKeys(t *testing.T) {
	fails := func(what string, err error) {
		if err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	_, err := codec.ParseKey(codec.Int32(), "abc")
	if !errors.Is(err, codec.ErrLength) {
		t.Errorf("three bytes as int32: %v", err)
	}
	_, err = codec.ParseKey(codec.Bool(), "\x02")
	fails("a bool of 2", err)
	_, err = codec.ParseKey(codec.Bool(), "")
	fails("a bool of nothing", err)
	for _, bad := range []string{"", "123e4567e89b12d3a456426614174000----", "123e4567-e89b-12d3-a456-42661417400g",
		"123e4567-e89b-12d3-a456_426614174000", "{123e4567-e89b-12d3-a456-426614174000}"} {
		_, err = codec.ParseKey(codec.UUID[[16]byte](), bad)
		fails("a UUID "+bad, err)
	}
	_, err = codec.Key(codec.JSON[func()](), nil)
	fails("a function as JSON", err)
	if u, err := codec.ParseKey(codec.UUID[[16]byte](), "123E4567-E89B-12D3-A456-426614174000"); err != nil || u[0] != 0x12 {
		t.Errorf("capital digits, as Java's UUID.fromString takes them: %x, %v", u, err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("123e4567-e89b-12d3-a456-426614174000"))
	f.Add([]byte{1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := codec.ParseKey(codec.Int32(), string(b)); err == nil {
			if again, _ := codec.Key(codec.Int32(), k); again != string(b) {
				t.Errorf("%x came back as %x", b, again)
			}
		}
		if u, err := codec.ParseKey(codec.UUID[[16]byte](), string(b)); err == nil {
			if again, _ := codec.Key(codec.UUID[[16]byte](), u); !bytes.EqualFold([]byte(again), b) {
				t.Errorf("%q came back as %q", b, again)
			}
		}
		_, _ = codec.ParseKey(codec.Int16(), string(b))
		_, _ = codec.ParseKey(codec.Float32(), string(b))
		_, _ = codec.ParseKey(codec.Bool(), string(b))
	})
}

// A key that a Java program with LongSerializer finds.
func ExampleKey() {
	customer := codec.Int64()
	key, err := codec.Key(customer, 42)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%x\n", key)
	fmt.Println(codec.ParseKey(customer, key))
	// Output:
	// 000000000000002a
	// 42 <nil>
}

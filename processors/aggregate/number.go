package aggregate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/millrace/millrace/pipeline/codec"
)

// Number is what sums are made of.
type Number interface{ int64 | float64 }

// numbers is the codec of a Number: eight bytes, as Kafka's LongSerializer and
// DoubleSerializer write them.
func numbers[N Number]() codec.Codec[N] {
	var c any = codec.Int64()
	if cn, ok := c.(codec.Codec[N]); ok {
		return cn
	}
	c = codec.Float64()
	return c.(codec.Codec[N])
}

// Sum adds up what of gives of each value. Whole numbers wrap around where they
// overflow, as they do in Go and in Java.
func Sum[V any, N Number](of func(V) N) Func[V, N] {
	return pure(of, func(a N, v V) N { return a + of(v) }, func(a, b N) N { return a + b }, numbers[N]())
}

// Min keeps the least of what of gives. A NaN is less than all others, as in
// cmp.Compare.
func Min[V any, N Number](of func(V) N) Func[V, N] { return extreme(of, -1) }

// Max keeps the greatest of what of gives.
func Max[V any, N Number](of func(V) N) Func[V, N] { return extreme(of, 1) }

func extreme[V any, N Number](of func(V) N, sign int) Func[V, N] {
	pick := func(a, b N) N {
		if cmp.Compare(b, a) == sign {
			return b
		}
		return a
	}
	return pure(of, func(a N, v V) N { return pick(a, of(v)) }, pick, numbers[N]())
}

// Mean is the state of an average.
type Mean struct {
	Sum   float64
	Count int64
}

// Value returns the average, NaN of no values.
func (m Mean) Value() float64 {
	if m.Count == 0 {
		return math.NaN()
	}
	return m.Sum / float64(m.Count)
}

// Average averages what of gives: see Mean.Value.
func Average[V any](of func(V) float64) Func[V, Mean] {
	return pure(
		func(v V) Mean { return Mean{of(v), 1} },
		func(m Mean, v V) Mean { return Mean{m.Sum + of(v), m.Count + 1} },
		func(a, b Mean) Mean { return Mean{a.Sum + b.Sum, a.Count + b.Count} },
		MeanCodec())
}

// MeanCodec encodes the sum and the count, each in eight bytes, big-endian. Its
// name is "mean".
func MeanCodec() codec.Codec[Mean] {
	return codec.NewAppend("mean", func(dst []byte, m Mean) ([]byte, error) {
		dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Sum))
		return binary.BigEndian.AppendUint64(dst, uint64(m.Count)), nil
	}, func(b []byte) (m Mean, err error) {
		if len(b) != 16 {
			return m, fmt.Errorf("mean: %w: %d bytes, want 16", codec.ErrLength, len(b))
		}
		m = Mean{math.Float64frombits(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
		if m.Count < 0 {
			return Mean{}, fmt.Errorf("mean: a count of %d", m.Count)
		}
		return m, nil
	})
}

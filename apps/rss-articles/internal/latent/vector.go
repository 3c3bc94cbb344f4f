package latent

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Vector is a direction in the model's space, each number a signed byte: as JSON
// it is a short string. It is empty for what the model knows nothing of.
type Vector []byte

// Vector gives the vector of a sample. Terms that the model does not know add
// nothing.
func (m Model) Vector(s Sample) Vector {
	var sum [Dimensions]float64
	for _, t := range slices.Sorted(maps.Keys(s)) { // sums of floats depend on the order
		if d, ok := m.Terms[t]; ok {
			for j, x := range d {
				sum[j] += s[t] * float64(x)
			}
		}
	}
	return quantised(sum)
}

// Taste is where several vectors point together.
type Taste struct {
	Vector Vector `json:"vector,omitempty"`
	// Unity is how much they point the same way: 1 if all do, near 0 if their
	// directions have nothing in common.
	Unity float64 `json:"unity,omitempty"`
}

// Sum is the taste of weighted vectors, each taken with length 1. The weight of
// one that should rather point elsewhere is negative.
func Sum(vectors []Vector, weights []float64) Taste {
	var sum [Dimensions]float64
	all := 0.0
	for i, v := range vectors {
		n := v.length()
		if n == 0 {
			continue
		}
		all += math.Abs(weights[i])
		for j := range sum {
			sum[j] += weights[i] * v.at(j) / n
		}
	}
	t := Taste{Vector: quantised(sum)}
	if len(t.Vector) > 0 {
		length := 0.0
		for _, x := range sum {
			length += x * x
		}
		t.Unity = math.Round(math.Sqrt(length)/all*1e4) / 1e4
	}
	return t
}

// Alike is how alike a vector is to those of a taste, from -1 to 1: the weighted
// mean of its cosines with them.
func (t Taste) Alike(v Vector) float64 { return t.Unity * t.Vector.Cosine(v) }

// Cosine is how alike two vectors are, from -1 to 1, and 0 if either is empty.
func (v Vector) Cosine(o Vector) float64 {
	a, b := v.length(), o.length()
	if a == 0 || b == 0 {
		return 0
	}
	sum := 0.0
	for j := range Dimensions {
		sum += v.at(j) * o.at(j)
	}
	return sum / (a * b)
}

func (v Vector) at(j int) float64 { return float64(int8(v[j])) }

// length is 0 also for what is no vector.
func (v Vector) length() float64 {
	if len(v) != Dimensions {
		return 0
	}
	sum := 0.0
	for j := range v {
		sum += v.at(j) * v.at(j)
	}
	return math.Sqrt(sum)
}

func quantised(sum [Dimensions]float64) Vector {
	greatest := 0.0
	for _, x := range sum {
		greatest = max(greatest, math.Abs(x))
	}
	if greatest == 0 || math.IsNaN(greatest) || math.IsInf(greatest, 0) {
		return nil
	}
	v := make(Vector, Dimensions)
	for j, x := range sum {
		v[j] = byte(int8(math.Round(x / greatest * 127)))
	}
	return v
}

// MarshalBinary gives the numbers as IEEE 754 of 32 bits, little endian.
func (d Direction) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 4*Dimensions)
	for _, x := range d {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary gives.
func (d *Direction) UnmarshalBinary(b []byte) error {
	if len(b) != 4*Dimensions {
		return fmt.Errorf("a direction has %d bytes, want %d", len(b), 4*Dimensions)
	}
	for j := range d {
		d[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:]))
	}
	return nil
}

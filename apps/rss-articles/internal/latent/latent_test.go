package latent_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
)

// stream gives samples of two matters, each with words of its own, of which a
// sample has few. Even samples are on the first matter.
func stream(n int, seed uint64) []latent.Sample {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]latent.Sample, n)
	for i := range out {
		out[i] = latent.Sample{}
		for range 10 {
			out[i][fmt.Sprintf("%c%d", "ab"[i%2], r.IntN(200))] = 0.5
		}
		out[i][fmt.Sprintf("c%d", r.IntN(10))] = 0.5 // says nothing
	}
	return out
}

// Articles on one matter are alike though they share no word.
func TestRelated(t *testing.T) {
	m := latent.Train(stream(600, 1), latent.Model{})
	one, two, other := latent.Sample{}, latent.Sample{}, latent.Sample{}
	for i := range 20 {
		one[fmt.Sprint("a", i)], two[fmt.Sprint("a", 100+i)], other[fmt.Sprint("b", i)] = 1, 1, 1
	}
	alike, unlike := m.Vector(one).Cosine(m.Vector(two)), m.Vector(one).Cosine(m.Vector(other))
	if alike < unlike+0.2 {
		t.Errorf("alike %.2f, unlike %.2f", alike, unlike)
	}
	if v := m.Vector(latent.Sample{"unknown": 1}); len(v) != 0 {
		t.Errorf("the vector of an unknown term is %v", v)
	}
}

// A model that is trained anew on more of the same gives much the same vectors.
func TestModelsAgree(t *testing.T) {
	samples := stream(900, 2)
	before := latent.Train(samples[:600], latent.Model{})
	after := latent.Train(samples[300:], before)
	alone := latent.Train(samples[300:], latent.Model{})
	var agree, turned float64
	for _, s := range samples {
		agree += before.Vector(s).Cosine(after.Vector(s))
		turned += before.Vector(s).Cosine(alone.Vector(s))
	}
	agree, turned = agree/900, turned/900
	if agree < 0.5 || agree < turned {
		t.Errorf("a model agrees with the one before by %.2f, without turning it by %.2f", agree, turned)
	}
}

func TestSameSamplesSameModel(t *testing.T) {
	a, b := latent.Train(stream(200, 3), latent.Model{}), latent.Train(stream(200, 3), latent.Model{})
	if len(a.Terms) == 0 || len(a.Terms) != len(b.Terms) {
		t.Fatalf("%d and %d terms", len(a.Terms), len(b.Terms))
	}
	for k, d := range a.Terms {
		if d != b.Terms[k] {
			t.Fatalf("%s: %v and %v", k, d, b.Terms[k])
		}
	}
}

// Too little to learn from, and hostile values, leave the model as it is or give
// no vector.
func TestBounds(t *testing.T) {
	before := latent.Train(stream(200, 4), latent.Model{})
	if m := latent.Train(stream(5, 5), before); len(m.Terms) != len(before.Terms) {
		t.Errorf("a model of 5 samples has %d terms", len(m.Terms))
	}
	if s := latent.Sum([]latent.Vector{nil, {1}}, []float64{1, 1}); len(s.Vector) != 0 || s.Unity != 0 {
		t.Errorf("a sum of nothing is %v", s)
	}
	if c := (latent.Vector{1, 2}).Cosine(latent.Vector{1}); c != 0 {
		t.Errorf("what is no vector has cosine %v", c)
	}
}

// What is liked in several directions says less of each of them.
func TestUnity(t *testing.T) {
	vector := func(at int) latent.Vector {
		v := make(latent.Vector, latent.Dimensions)
		v[at] = 100
		return v
	}
	x, y := vector(0), vector(1)
	for _, c := range []struct {
		vectors []latent.Vector
		weights []float64
		unity   float64
		alike   float64 // to x
	}{
		{[]latent.Vector{x, x}, []float64{1, 2}, 1, 1},
		{[]latent.Vector{x, y}, []float64{1, 1}, math.Sqrt(0.5), 0.5},
		{[]latent.Vector{x, y}, []float64{3, -1}, math.Sqrt(10) / 4, 0.75},
		{[]latent.Vector{x}, []float64{-2}, 1, -1},
	} {
		s := latent.Sum(c.vectors, c.weights)
		if math.Abs(s.Unity-c.unity) > 1e-4 || math.Abs(s.Alike(x)-c.alike) > 0.005 {
			t.Errorf("%v: unity %.4f, alike %.4f, want %.4f and %.4f", c.weights, s.Unity, s.Alike(x), c.unity, c.alike)
		}
	}
}

func FuzzDirection(f *testing.F) {
	f.Add(make([]byte, 4*latent.Dimensions))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d latent.Direction
		if d.UnmarshalBinary(b) != nil {
			return
		}
		if again, err := d.MarshalBinary(); err != nil || len(again) != len(b) {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		if m := (latent.Model{Terms: map[string]latent.Direction{"x": d}}); len(m.Vector(latent.Sample{"x": 1})) > latent.Dimensions {
			t.Fatal("a long vector")
		}
	})
}

// A training that is stored between its steps, and whose samples change meanwhile,
// ends with a model that is much the same.
func TestTrainingInSteps(t *testing.T) {
	samples := stream(900, 8)
	at := latent.Start(samples[:600])
	for i := range latent.Steps {
		for term, b := range at.Terms {
			stored, err := b.MarshalBinary()
			var again latent.Basis
			if err = errors.Join(err, again.UnmarshalBinary(stored)); err != nil || again != b {
				t.Fatalf("%s: %v became %v: %v", term, b, again, err)
			}
		}
		at = at.Step(samples[50*i : 600+50*i])
	}
	m, whole := at.Model(samples[200:800], latent.Model{}), latent.Train(samples[:600], latent.Model{})
	alike, unlike := 0.0, 0.0
	for i := 0; i < 600; i += 2 {
		v := m.Vector(samples[i])
		alike += v.Cosine(m.Vector(samples[i+2])) / 300
		unlike += v.Cosine(m.Vector(samples[i+1])) / 300
	}
	if len(m.Terms) != len(whole.Terms) || alike < unlike+0.2 {
		t.Errorf("%d terms, in one go %d; alike %.2f, unlike %.2f", len(m.Terms), len(whole.Terms), alike, unlike)
	}
	if few := latent.Start(samples[:5]).Step(samples[:5]); len(few.Terms) != 0 {
		t.Errorf("5 samples give %d terms", len(few.Terms))
	}
}

func FuzzBasis(f *testing.F) {
	good, _ := latent.Basis{Samples: 3}.MarshalBinary()
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, in []byte) {
		var b latent.Basis
		if b.UnmarshalBinary(in) != nil {
			return
		}
		if again, err := b.MarshalBinary(); err != nil || !bytes.Equal(again, in) && !math.IsNaN(float64(b.Row[0])) && len(again) != len(in) {
			t.Fatalf("%x became %x: %v", in, again, err)
		}
		_ = latent.Training{Samples: b.Samples, Terms: map[string]latent.Basis{"x": b}}.Step([]latent.Sample{{"x": 1}})
	})
}

// BenchmarkSteps times the steps of a training of as many samples as are kept.
func BenchmarkSteps(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	samples := make([]latent.Sample, 4096)
	for i := range samples {
		samples[i] = latent.Sample{}
		for range 64 {
			samples[i][fmt.Sprint("t", int(20000*math.Pow(r.Float64(), 3)))] = 0.1
		}
	}
	at := latent.Start(samples)
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			at = latent.Start(samples)
		}
	})
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			at = at.Step(samples)
		}
	})
	b.Run("model", func(b *testing.B) {
		for b.Loop() {
			at.Model(samples, latent.Model{})
		}
	})
}

func ExampleSum() {
	m := latent.Train(stream(400, 7), latent.Model{})
	first, second := m.Vector(latent.Sample{"a1": 1}), m.Vector(latent.Sample{"a2": 1})
	likes := latent.Sum([]latent.Vector{first, second}, []float64{1, 1})
	fmt.Println(likes.Alike(first) > 0, bytes.Equal(likes.Vector, first))
	// Output: true false
}

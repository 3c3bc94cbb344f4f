package latent

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Steps are how often Step is called between Start and Model: the iterations.
const Steps = 3

// Training is a training between two steps. Each step is of bounded work: some
// multiplications for each term of each sample, and for each term of the model.
// The samples may change from step to step; the terms stay those of the start.
type Training struct {
	Samples int              // at the start
	Terms   map[string]Basis // empty: there is too little to learn from
}

// Basis is what a training knows of a term: how many samples have it, and its row
// in the basis of the space that is looked for.
type Basis struct {
	Samples int
	Row     [columns]float32
}

// Train makes a model of samples. Terms that fewer than two of them have are
// left out. before is the model in use, with which the new one is made to agree.
// It is the one training in one go.
func Train(samples []Sample, before Model) Model {
	t := Start(samples)
	for range Steps {
		t = t.Step(samples)
	}
	return t.Model(samples, before)
}

// Start begins a training: it chooses the terms.
func Start(samples []Sample) Training {
	df := map[string]int{}
	for _, s := range samples {
		for t := range s {
			df[t]++
		}
	}
	maps.DeleteFunc(df, func(_ string, n int) bool { return n < 2 })
	t := Training{Samples: len(samples), Terms: map[string]Basis{}}
	names := slices.SortedFunc(maps.Keys(df), func(a, b string) int { return frequent(a, b, df[a], df[b]) })
	names = names[:min(len(names), MaxVocabulary)]
	if len(names) < columns {
		return t
	}
	v := start(names)
	for i, name := range names {
		t.Terms[name] = Basis{Samples: df[name]}.with(v[i])
	}
	return t
}

// frequent orders terms by how many samples have them, then by name.
func frequent(a, b string, na, nb int) int { return cmp.Or(cmp.Compare(nb, na), cmp.Compare(a, b)) }

// Step does an iteration, and returns the training after it.
func (t Training) Step(samples []Sample) Training {
	if len(t.Terms) == 0 {
		return t
	}
	names := t.names()
	v := t.basis(names)
	orthonormalise(v)
	v = step(t.rows(names, samples), v)
	next := Training{Samples: t.Samples, Terms: make(map[string]Basis, len(names))}
	scale := greatest(v)
	for i, name := range names {
		for j := range v[i] {
			v[i][j] /= scale
		}
		next.Terms[name] = t.Terms[name].with(v[i])
	}
	return next
}

// Model ends a training. Without enough to learn from it is the one before.
func (t Training) Model(samples []Sample, before Model) Model {
	names := t.names()
	rows := t.rows(names, samples)
	if len(names) < columns || len(rows) < columns {
		return before
	}
	v := t.basis(names)
	orthonormalise(v)
	v, squares := ordered(rows, v)
	weigh(v, squares)
	idf := rarities(rows, len(names))
	m := Model{Terms: make(map[string]Direction, len(names))}
	turn := agree(names, v, idf, before)
	for t, name := range names {
		var d Direction
		for j := range Dimensions {
			x := 0.0
			for i := range Dimensions {
				x += v[t][i+1] * turn[i][j]
			}
			d[j] = float32(x * idf[t])
		}
		m.Terms[name] = d
	}
	return m
}

// names are the terms, in the order in which they are numbered.
func (t Training) names() []string {
	return slices.SortedFunc(maps.Keys(t.Terms), func(a, b string) int {
		return frequent(a, b, t.Terms[a].Samples, t.Terms[b].Samples)
	})
}

func (t Training) basis(names []string) [][]float64 {
	v := zero(len(names), columns)
	for i, name := range names {
		for j, x := range t.Terms[name].Row {
			v[i][j] = float64(x)
		}
	}
	return v
}

// rows gives the samples as rows of tf-idf of length 1.
func (t Training) rows(names []string, samples []Sample) [][]entry {
	number := make(map[string]int, len(names))
	idf := make([]float64, len(names))
	for i, n := range names {
		number[n] = i
		idf[i] = rarity(t.Terms[n].Samples, t.Samples)
	}
	rows := make([][]entry, 0, len(samples))
	for _, s := range samples {
		row := make([]entry, 0, len(s))
		norm := 0.0
		for _, t := range slices.Sorted(maps.Keys(s)) {
			if i, ok := number[t]; ok {
				x := s[t] * idf[i]
				row = append(row, entry{i, x})
				norm += x * x
			}
		}
		if norm == 0 {
			continue
		}
		for i := range row {
			row[i].value /= math.Sqrt(norm)
		}
		rows = append(rows, row)
	}
	return rows
}

// greatest is the greatest absolute value, or 1 if there is none but 0: what is
// divided by it is kept well by numbers of 32 bits.
func greatest(v [][]float64) float64 {
	x := 0.0
	for _, row := range v {
		for _, y := range row {
			x = max(x, math.Abs(y))
		}
	}
	if x == 0 {
		return 1
	}
	return x
}

func (b Basis) with(row []float64) Basis {
	for j := range b.Row {
		b.Row[j] = float32(row[j])
	}
	return b
}

// MarshalBinary gives the number of samples in 32 bits, and the row as IEEE 754 of
// 32 bits, little endian.
func (b Basis) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 4+4*columns)
	out = binary.LittleEndian.AppendUint32(out, uint32(b.Samples))
	for _, x := range b.Row {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out, nil
}

// UnmarshalBinary reads what MarshalBinary gives.
func (b *Basis) UnmarshalBinary(from []byte) error {
	if len(from) != 4+4*columns {
		return fmt.Errorf("a basis has %d bytes, want %d", len(from), 4+4*columns)
	}
	b.Samples = int(binary.LittleEndian.Uint32(from))
	for j := range b.Row {
		b.Row[j] = math.Float32frombits(binary.LittleEndian.Uint32(from[4+4*j:]))
	}
	return nil
}

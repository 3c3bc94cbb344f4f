package latent

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Sizes of a model.
const (
	// Dimensions are the numbers in a vector.
	Dimensions = 32
	// MaxVocabulary is how many terms a model knows: those that most samples
	// have.
	MaxVocabulary = 16384

	rank       = Dimensions + 1 // with the one that is dropped
	surplus    = 7              // columns that are worked with besides, for accuracy
	columns    = rank + surplus
	iterations = 3

	// How much more a rare term says than a common one, and a direction in which
	// many articles lie than one of few: exponents of the inverse document
	// frequency and of the singular value. The latter makes of the two steps from
	// an article by its terms to others four: those that share terms with
	// articles that share some.
	sharpness = 1.5
	emphasis  = 3
)

// Sample is an article as its terms, with how much it is about each.
type Sample map[string]float64

// Model turns samples into vectors. The zero value knows no term.
type Model struct {
	Terms map[string]Direction
}

// Direction is where a term points: its weight in each dimension, times how rare
// the term is and how much the dimension says.
type Direction [Dimensions]float32

// Train makes a model of samples. Terms that fewer than two of them have are
// left out. before is the model in use, with which the new one is made to agree.
func Train(samples []Sample, before Model) Model {
	names, rows := matrix(samples)
	if len(names) < columns || len(rows) < columns {
		return before
	}
	v := start(names)
	for range iterations {
		orthonormalise(v)
		v = step(rows, v)
	}
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

// entry is how much an article is about a term.
type entry struct {
	term  int
	value float64
}

// matrix numbers the terms that are kept, and gives the samples as rows of tf-idf
// of length 1.
func matrix(samples []Sample) ([]string, [][]entry) {
	df := map[string]int{}
	for _, s := range samples {
		for t := range s {
			df[t]++
		}
	}
	maps.DeleteFunc(df, func(_ string, n int) bool { return n < 2 })
	names := slices.SortedFunc(maps.Keys(df), func(a, b string) int {
		return cmp.Or(cmp.Compare(df[b], df[a]), cmp.Compare(a, b))
	})
	names = names[:min(len(names), MaxVocabulary)]
	number := make(map[string]int, len(names))
	for i, n := range names {
		number[n] = i
	}
	rows := make([][]entry, 0, len(samples))
	for _, s := range samples {
		row := make([]entry, 0, len(s))
		norm := 0.0
		for _, t := range slices.Sorted(maps.Keys(s)) {
			if i, ok := number[t]; ok {
				x := s[t] * rarity(df[t], len(samples))
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
	return names, rows
}

// rarities say how much each term says.
func rarities(rows [][]entry, terms int) []float64 {
	df := make([]int, terms)
	for _, r := range rows {
		for _, e := range r {
			df[e.term]++
		}
	}
	out := make([]float64, terms)
	for t, n := range df {
		out[t] = rarity(n, len(rows))
	}
	return out
}

// rarity is how much a term says that df of n samples have.
func rarity(df, n int) float64 {
	return math.Pow(math.Log(float64(n+1)/float64(max(df, 1))), sharpness)
}

package latent

import "math"

// Sizes of a model.
const (
	// Dimensions are the numbers in a vector.
	Dimensions = 32
	// MaxVocabulary is how many terms a model knows: those that most samples
	// have.
	MaxVocabulary = 16384

	rank    = Dimensions + 1 // with the one that is dropped
	surplus = 7              // columns that are worked with besides, for accuracy
	columns = rank + surplus

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

// entry is how much an article is about a term.
type entry struct {
	term  int
	value float64
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

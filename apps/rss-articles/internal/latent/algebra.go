package latent

import (
	"math"
	"math/rand/v2"
	"slices"
)

// start gives each term random columns, the same at each training.
func start(names []string) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	v := zero(len(names), columns)
	for t := range v {
		for j := range v[t] {
			v[t][j] = r.NormFloat64()
		}
	}
	return v
}

func zero(rows, columns int) [][]float64 {
	all := make([]float64, rows*columns)
	out := make([][]float64, rows)
	for i := range out {
		out[i] = all[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return out
}

// step multiplies v with the rows' matrix and its transpose.
func step(rows [][]entry, v [][]float64) [][]float64 {
	next := zero(len(v), columns)
	y := make([]float64, columns)
	for _, row := range rows {
		along(row, v, y)
		for _, e := range row {
			n := next[e.term]
			for j, x := range y {
				n[j] += e.value * x
			}
		}
	}
	return next
}

// along sets y to a row times v.
func along(row []entry, v [][]float64, y []float64) {
	clear(y)
	for _, e := range row {
		for j, x := range v[e.term] {
			y[j] += e.value * x
		}
	}
}

// orthonormalise makes the columns of v orthogonal and of length 1, by the
// Cholesky factor of their products.
func orthonormalise(v [][]float64) {
	g := zero(columns, columns)
	for _, r := range v {
		for a, x := range r {
			for b := range a + 1 {
				g[a][b] += x * r[b]
			}
		}
	}
	trace := 0.0
	for a := range g {
		trace += g[a][a]
	}
	least := max(1e-10*trace/columns, 1e-300)
	for a := range g {
		for b := range a + 1 {
			x := g[a][b]
			for c := range b {
				x -= g[a][c] * g[b][c]
			}
			if a == b {
				g[a][a] = math.Sqrt(max(x, least))
			} else {
				g[a][b] = x / g[b][b]
			}
		}
	}
	for _, r := range v {
		for a := range r {
			for c := range a {
				r[a] -= r[c] * g[a][c]
			}
			r[a] /= g[a][a]
		}
	}
}

// ordered turns orthonormal columns into the singular vectors that they span,
// the greatest first, and gives the squares of their singular values
// (Rayleigh-Ritz).
func ordered(rows [][]entry, v [][]float64) ([][]float64, []float64) {
	g := zero(columns, columns)
	y := make([]float64, columns)
	for _, row := range rows {
		along(row, v, y)
		for a, x := range y {
			for b, z := range y {
				g[a][b] += x * z
			}
		}
	}
	values, vectors := eigen(g)
	order := make([]int, columns)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] > values[b]:
			return -1
		case values[a] < values[b]:
			return 1
		}
		return 0
	})
	out := zero(len(v), rank)
	for t := range v {
		for j := range rank {
			for a, x := range v[t] {
				out[t][j] += x * vectors[a][order[j]]
			}
		}
	}
	squares := make([]float64, rank)
	for j := range squares {
		squares[j] = values[order[j]]
	}
	return out, squares
}

// weigh multiplies the columns of v but the first with powers of their singular
// values, the greatest of which counts as 1.
func weigh(v [][]float64, squares []float64) {
	if squares[1] <= 0 {
		return
	}
	for _, row := range v {
		for j := 1; j < rank; j++ {
			row[j] *= math.Pow(squares[j]/squares[1], emphasis/2)
		}
	}
}

// agree is the rotation that brings the columns of v but the first as near as can
// be to a model's: U*W' for the singular value decomposition U*S*W' of their
// products.
func agree(names []string, v [][]float64, idf []float64, before Model) [][]float64 {
	m := zero(Dimensions, Dimensions)
	for t, name := range names {
		d, ok := before.Terms[name]
		if !ok {
			continue
		}
		for i := range Dimensions {
			for j := range Dimensions {
				m[i][j] += v[t][i+1] * idf[t] * float64(d[j])
			}
		}
	}
	mm := zero(Dimensions, Dimensions) // m'm = W*S²*W'
	for i := range m {
		for a, x := range m[i] {
			for b, y := range m[i] {
				mm[a][b] += x * y
			}
		}
	}
	values, w := eigen(mm)
	out := zero(Dimensions, Dimensions)
	least := 1e-12 * slices.Max(values)
	if least == 0 || slices.Min(values) < least { // nothing to agree with
		for i := range out {
			out[i][i] = 1
		}
		return out
	}
	for a := range Dimensions { // m*W*(1/S)*W'
		for i := range Dimensions {
			x := 0.0
			for b := range Dimensions {
				x += m[i][b] * w[b][a]
			}
			x /= math.Sqrt(values[a])
			for j := range Dimensions {
				out[i][j] += x * w[j][a]
			}
		}
	}
	return out
}

// eigen gives the eigenvalues of a symmetric matrix, which it spoils, and its
// eigenvectors as columns, by Jacobi's rotations.
func eigen(a [][]float64) ([]float64, [][]float64) {
	n := len(a)
	v := zero(n, n)
	for i := range v {
		v[i][i] = 1
	}
	for range 30 {
		off, all := 0.0, 0.0
		for i := range n {
			all += a[i][i] * a[i][i]
			for j := range i {
				off += a[i][j] * a[i][j]
			}
		}
		if off <= 1e-22*all {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p][q] != 0 {
					rotate(a, v, p, q)
				}
			}
		}
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = max(a[i][i], 0)
	}
	return values, v
}

// rotate makes a[p][q] zero.
func rotate(a, v [][]float64, p, q int) {
	theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
	t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(theta*theta+1))
	c := 1 / math.Sqrt(t*t+1)
	s := t * c
	for i := range a {
		x, y := a[i][p], a[i][q]
		a[i][p], a[i][q] = c*x-s*y, s*x+c*y
	}
	for i := range a {
		x, y := a[p][i], a[q][i]
		a[p][i], a[q][i] = c*x-s*y, s*x+c*y
	}
	for i := range v {
		x, y := v[i][p], v[i][q]
		v[i][p], v[i][q] = c*x-s*y, s*x+c*y
	}
}

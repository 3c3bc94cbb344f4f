package neardup

// The hash functions are fixed for ever, as sketches outlive the process that
// made them: change sketchVersion with any of them.

// sketchVersion is part of every band key and sketch, so that those of
// different versions never meet.
const sketchVersion = 1

// hashString is FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/)
// with a finalizer, whose low bits FNV alone mixes badly.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014): a bijection of 64-bit words.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// combine gives the hash of the pair (a, b), in this order.
func combine(a, b uint64) uint64 {
	return mix(a*0x9e3779b97f4a7c15 + b)
}

// permutations are the multipliers and addends of the MinHash family
// h_i(x) = (a_i*x + b_i) mod 2^64, taken from splitmix64 started at seed; a_i is
// odd. The upper 32 bits of h_i are used.
type permutations struct{ a, b []uint64 }

func newPermutations(n int, seed uint64) permutations {
	p := permutations{a: make([]uint64, n), b: make([]uint64, n)}
	next := func() uint64 {
		seed += 0x9e3779b97f4a7c15
		return mix(seed)
	}
	for i := range n {
		p.a[i], p.b[i] = next()|1, next()
	}
	return p
}

// minhash returns the least h_i of the set for each i.
func (p permutations) minhash(set []uint64) []uint32 {
	out := make([]uint32, len(p.a))
	for i := range out {
		a, b, least := p.a[i], p.b[i], ^uint32(0)
		for _, x := range set {
			least = min(least, uint32((a*x+b)>>32))
		}
		out[i] = least
	}
	return out
}

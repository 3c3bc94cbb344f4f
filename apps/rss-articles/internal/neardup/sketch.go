package neardup

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/millrace/millrace/apps/rss-articles/internal/text"
)

// Sizes of a sketch. They bound its bytes: at most 2*maxTitle for the title and
// signature for the text.
const (
	maxTitle  = 48   // words of a title that are kept
	maxText   = 2000 // words of a text that are looked at
	signature = 128  // MinHash values of the text, one byte each
	minText   = 8    // words below which a text says nothing ("read more")
	minTitle  = 3    // words below which a title alone says nothing ("live")
)

// The LSH bands. An article with both parts has Bands of them.
//
// A pair of Jaccard similarity j shares at least one of b bands of r rows with
// probability 1-(1-j^r)^b (Leskovec, Rajaraman and Ullman, "Mining of Massive
// Datasets", 3.4): 0.995 for the title at 0.7, 0.944 for the text at its
// threshold of 0.5 and 0.999 at 0.7. Two rows suffice, rather than the usual
// three or four, since unrelated articles share about one title term in a
// hundred and even fewer text shingles.
const (
	titleBands, titleRows = 8, 2
	textBands, textRows   = 10, 2

	Bands = titleBands + textBands
)

const seed = 0x6d696c6c72616365 // "millrace"

// Document is what a sketch is made of.
type Document struct {
	Title string // plain text
	Text  string // plain text; may be empty
	// Source names the publisher, best the registrable domain of the article's
	// URL, or is empty if unknown. Within one source stronger evidence is
	// asked for: publishers repeat summaries and titles of columns.
	Source string
}

// Sketch is what is remembered of a document to compare it with others: about
// 300 bytes as JSON. The zero Sketch resembles nothing.
type Sketch struct {
	Version int `json:"v"`
	// Title holds the title's words in order as 16-bit hashes, big endian, the
	// highest bit set for words with digits.
	Title []byte `json:"t,omitempty"`
	// Text is a b-bit MinHash signature with b = 8 (Li and König, "b-Bit
	// Minwise Hashing", 2010) of the text's two-word shingles.
	Text   []byte `json:"x,omitempty"`
	Words  int    `json:"n,omitempty"` // number of words in the text, up to a bound
	Source uint32 `json:"s,omitempty"` // hash of the source's name, 0 if unknown
}

// Sketcher makes sketches. It is immutable: one serves all goroutines.
type Sketcher struct {
	title, text permutations
}

// NewSketcher returns a Sketcher. All Sketchers give the same sketches, on all
// machines.
func NewSketcher() *Sketcher {
	return &Sketcher{
		title: newPermutations(titleBands*titleRows, seed),
		text:  newPermutations(signature, seed+1),
	}
}

// Sketch returns the document's sketch and the keys of its bands: documents
// that are near-duplicates share at least one key with high probability. A
// document without a title has the bands of its text only and the other way
// round; one with neither has none and is no duplicate of anything.
func (s *Sketcher) Sketch(d Document) (Sketch, []string) {
	sk := Sketch{Version: sketchVersion}
	if d.Source != "" {
		sk.Source = max(1, uint32(hashString(strings.ToLower(d.Source))))
	}
	var bands []string

	title := stable(d.Title)
	sk.Title = titleHashes(title)
	// Bands of titles come from terms rather than words: stop words would fill
	// a few buckets with everything.
	set := make([]uint64, 0, maxTitle)
	for _, t := range text.Terms(title, "", maxTitle) {
		set = append(set, hashString(t))
	}
	if len(set) == 0 {
		for _, w := range text.Words(title, maxTitle) {
			set = append(set, hashString(w))
		}
	}
	if len(set) > 0 {
		bands = appendBands(bands, "t", s.title.minhash(set), titleBands, titleRows)
	}

	words := text.Words(stable(d.Text), maxText)
	sk.Words = len(words)
	if len(words) >= minText {
		mins := s.text.minhash(shingles(words))
		sk.Text = make([]byte, signature)
		for i, m := range mins {
			sk.Text[i] = byte(m)
		}
		bands = appendBands(bands, "x", mins, textBands, textRows)
	}
	return sk, bands
}

func titleHashes(title string) []byte {
	words := text.Words(title, maxTitle)
	out := make([]byte, 0, 2*len(words))
	for _, w := range words {
		h := uint16(hashString(w)) &^ numberBit
		if strings.IndexFunc(w, unicode.IsDigit) >= 0 {
			h |= numberBit
		}
		out = binary.BigEndian.AppendUint16(out, h)
	}
	return out
}

const numberBit = 1 << 15

// shingles returns the set of hashes of neighbouring words.
func shingles(words []string) []uint64 {
	hashes := make([]uint64, len(words))
	for i, w := range words {
		hashes[i] = hashString(w)
	}
	set := make([]uint64, 0, len(words))
	for i := range len(hashes) - 1 {
		set = append(set, combine(hashes[i], hashes[i+1]))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

func appendBands(keys []string, kind string, mins []uint32, bands, rows int) []string {
	for b := range bands {
		h := uint64(b)
		for _, m := range mins[b*rows : (b+1)*rows] {
			h = combine(h, uint64(m))
		}
		keys = append(keys, fmt.Sprintf("%d%s%d-%016x", sketchVersion, kind, b, h))
	}
	return keys
}

// textSimilarity estimates the Jaccard similarity of the texts' shingles, with
// a standard error of at most 0.044; ok is false if a text is missing.
func textSimilarity(a, b Sketch) (j float64, ok bool) {
	if len(a.Text) != signature || len(b.Text) != signature {
		return 0, false
	}
	same := 0
	for i := range signature {
		if a.Text[i] == b.Text[i] {
			same++
		}
	}
	// Unequal minima agree in eight bits by chance once in 256 times.
	const chance = 1.0 / 256
	return max(0, (float64(same)/signature-chance)/(1-chance)), true
}

// titles compares two titles: j is the Jaccard similarity of their words and
// pairs of neighbouring words, exact but for collisions of 15-bit hashes;
// words is the length of the shorter; numbers is true if each has a number
// that the other lacks.
func titles(a, b []byte) (j float64, words int, numbers bool) {
	if len(a) > 2*maxTitle || len(b) > 2*maxTitle {
		return 0, 0, false // not made by a Sketcher
	}
	sa, sb := titleSet(a), titleSet(b)
	onlyA, onlyB, both := 0, 0, 0
	numA, numB := false, false
	for len(sa) > 0 || len(sb) > 0 {
		x, y := uint32(math.MaxUint32), uint32(math.MaxUint32)
		if len(sa) > 0 {
			x = sa[0]
		}
		if len(sb) > 0 {
			y = sb[0]
		}
		switch {
		case x == y:
			both++
			sa, sb = sa[1:], sb[1:]
		case x < y:
			onlyA++
			numA = numA || x>>16 == 0 && x&numberBit != 0
			sa = sa[1:]
		default:
			onlyB++
			numB = numB || y>>16 == 0 && y&numberBit != 0
			sb = sb[1:]
		}
	}
	if both > 0 {
		j = float64(both) / float64(onlyA+onlyB+both)
	}
	return j, min(len(a), len(b)) / 2, numA && numB
}

// titleSet returns the sorted set of a title's words, as their hashes, and of
// pairs of neighbours, as both hashes with a mark that keeps them from being
// taken for words.
func titleSet(title []byte) []uint32 {
	n := len(title) / 2
	set := make([]uint32, 0, 2*n)
	prev := uint32(0)
	for i := range n {
		h := uint32(binary.BigEndian.Uint16(title[2*i:]))
		set = append(set, h)
		if i > 0 {
			pair := uint32(combine(uint64(prev), uint64(h)))
			set = append(set, pair|1<<31)
		}
		prev = h
	}
	slices.Sort(set)
	return slices.Compact(set)
}

package match

import (
	"encoding/binary"
	"iter"
	"maps"
	"math"
)

// Description is the terms of an article in the compact form in which they are
// stored beside it: of each the key, the value in ten-thousandths, and the terms
// that follow it; strings and lists after their lengths.
type Description string

// Describe returns the description of an article with the given terms. Labels
// are left out.
func Describe(terms []Term) Description {
	var b []byte
	for _, t := range terms {
		b = appendString(b, t.Key)
		b = binary.AppendUvarint(b, uint64(math.Round(max(t.Value, 0)*1e4)))
		b = binary.AppendUvarint(b, uint64(len(t.Next)))
		for _, next := range t.Next {
			b = appendString(b, next)
		}
	}
	return Description(b)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Fill returns the candidate with parts for those terms of its article that are
// in rarity and that no part came for. The receiver stays as it is.
func (c Candidate) Fill(d Description, rarity map[string]float64) Candidate {
	filled := false
	for key, part := range d.parts() {
		if _, wanted := rarity[key]; !wanted {
			continue
		}
		if _, there := c.Parts[key]; there {
			continue
		}
		if !filled {
			filled = true
			if c.Parts = maps.Clone(c.Parts); c.Parts == nil {
				c.Parts = map[string]Partial{}
			}
		}
		c.Parts[key] = Partial{Value: part.value, Next: part.following()}
	}
	return c
}

// described is a term of a description.
type described struct {
	value float64
	count uint64
	next  Description // the terms that follow it
}

// parts yields the terms. What is damaged ends it.
func (d Description) parts() iter.Seq2[string, described] {
	return func(yield func(string, described) bool) {
		for rest := d; len(rest) > 0; {
			var key string
			var value uint64
			var part described
			var ok bool
			if key, rest, ok = rest.text(); !ok {
				return
			}
			if value, rest, ok = rest.number(); !ok {
				return
			}
			if part.count, rest, ok = rest.number(); !ok || part.count > maxNext {
				return
			}
			part.value = float64(value) / 1e4
			part.next = rest
			for range part.count {
				if _, rest, ok = rest.text(); !ok {
					return
				}
			}
			if !yield(key, part) {
				return
			}
		}
	}
}

func (p described) following() (list []string) {
	rest := p.next
	for range p.count {
		var s string
		s, rest, _ = rest.text() // parts has looked
		list = append(list, s)
	}
	return list
}

func (d Description) number() (n uint64, rest Description, ok bool) {
	for i := range min(len(d), binary.MaxVarintLen64) {
		n |= uint64(d[i]&0x7f) << (7 * i)
		if d[i] < 0x80 {
			return n, d[i+1:], true
		}
	}
	return 0, "", false
}

func (d Description) text() (s string, rest Description, ok bool) {
	n, rest, ok := d.number()
	if !ok || n > uint64(len(rest)) {
		return "", "", false
	}
	return string(rest[:n]), rest[n:], true
}

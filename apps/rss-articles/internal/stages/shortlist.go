package stages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
)

// Candidates are most of what is kept for a reader, and all of them are read when
// the profile changes. So they have a form of their own: it takes a half of the
// bytes of JSON, and a tenth of the time. The article's id is not in it but in
// the key.

// candidateFormat is the first byte.
const candidateFormat = 1

// The flags of a candidate.
const (
	flagDue = 1 << iota
	flagAsked
)

func encodeCandidate(c candidate) ([]byte, error) {
	var flags byte
	if c.Due {
		flags |= flagDue
	}
	if c.Asked {
		flags |= flagAsked
	}
	b := make([]byte, 0, 192)
	b = append(b, candidateFormat, flags)
	b = appendTime(b, c.At)
	b = appendTime(b, c.Published)
	for _, s := range []string{c.Title, c.URL, c.Lang, string(c.Vector)} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Parts)))
	for _, key := range slices.Sorted(maps.Keys(c.Parts)) {
		p := c.Parts[key]
		b = appendText(b, key)
		b = binary.AppendUvarint(b, uint64(math.Round(max(p.Value, 0)*1e4))) // match.Terms has no more digits
		b = binary.AppendUvarint(b, uint64(len(p.Next)))
		for _, next := range p.Next {
			b = appendText(b, next)
		}
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendTime keeps nanoseconds, of any year.
func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

var errCandidate = errors.New("no candidate")

func decodeCandidate(b []byte) (c candidate, err error) {
	if len(b) < 2 || b[0] != candidateFormat {
		return c, fmt.Errorf("%w: %d bytes of an unknown format", errCandidate, len(b))
	}
	r := &reading{rest: string(b[2:])}
	c.Due, c.Asked = b[1]&flagDue > 0, b[1]&flagAsked > 0
	c.At, c.Published = r.time(), r.time()
	c.Title, c.URL, c.Lang = r.text(), r.text(), r.text()
	if v := r.text(); v != "" {
		c.Vector = latent.Vector(v)
	}
	if n := r.count(); n > 0 {
		c.Parts = make(map[string]match.Partial, n)
		for range n {
			key, p := r.text(), match.Partial{Value: float64(r.uvarint()) / 1e4}
			for range r.count() {
				p.Next = append(p.Next, r.text())
			}
			c.Parts[key] = p
		}
	}
	if r.failed || r.rest != "" {
		return candidate{}, fmt.Errorf("%w: %d bytes that end too early or too late", errCandidate, len(b))
	}
	return c, nil
}

// reading takes apart what the functions above put together. After a failure all
// is zero.
type reading struct {
	rest   string
	failed bool
}

func (r *reading) take(n uint64) string {
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = "", true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reading) uvarint() (n uint64) {
	for i := range binary.MaxVarintLen64 {
		s := r.take(1)
		if s == "" {
			return 0
		}
		if n |= uint64(s[0]&0x7f) << (7 * i); s[0] < 0x80 {
			return n
		}
	}
	r.rest, r.failed = "", true
	return 0
}

// count is a number of things that are still to come, each of one byte or more.
func (r *reading) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = "", true
		return 0
	}
	return int(n)
}

func (r *reading) text() string { return r.take(r.uvarint()) }

func (r *reading) time() time.Time {
	u := r.uvarint() // zigzag, as binary.AppendVarint has it
	sec := int64(u >> 1)
	if u&1 > 0 {
		sec = ^sec
	}
	return time.Unix(sec, int64(min(r.uvarint(), 1e9-1))).UTC()
}

package stages

import (
	"reflect"
	"testing"
	"time"

	"github.com/millrace/millrace/apps/rss-articles/internal/latent"
	"github.com/millrace/millrace/apps/rss-articles/internal/match"
)

func TestCandidateCodec(t *testing.T) {
	full := candidate{At: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC), Due: true, Asked: true, Vector: latent.Vector{1, 0, 255}}
	full.Title, full.URL, full.Lang = "Flüsse — 河", "https://a.example/?q=1", "de"
	full.Published = time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	full.Parts = map[string]match.Partial{"fluss": {Value: 0.1234, Next: []string{"ufer", ""}}, "tag:河": {Value: 1}, "": {}}
	for _, c := range []candidate{full, {At: time.Unix(0, 0).UTC()}} {
		b, err := encodeCandidate(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeCandidate(b)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %v; want %+v", got, err, c)
		}
		for n := range b { // cut off
			if _, err := decodeCandidate(b[:n]); err == nil {
				t.Errorf("%d of %d bytes are a candidate", n, len(b))
			}
		}
		if _, err := decodeCandidate(append(b, 0)); err == nil {
			t.Error("with a byte more it is a candidate")
		}
	}
}

func FuzzCandidateCodec(f *testing.F) {
	b, err := encodeCandidate(candidate{At: time.Unix(1, 2), Candidate: match.Candidate{Parts: map[string]match.Partial{"a": {Value: 1, Next: []string{"b"}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{candidateFormat, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCandidate(b)
		if err != nil {
			return
		}
		if b, err = encodeCandidate(c); err != nil {
			t.Fatal(err)
		}
		again, err := decodeCandidate(b)
		if err != nil || len(again.Parts) != len(c.Parts) || !again.At.Equal(c.At) {
			t.Errorf("%+v, %v; want %+v", again, err, c)
		}
	})
}

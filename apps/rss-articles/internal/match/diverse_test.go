package match_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/apps/rss-articles/internal/match"
)

func TestDiverse(t *testing.T) {
	for _, c := range []struct {
		sources string
		want    string
	}{
		{"", "[]"},
		{"abc", "[0 1 2]"},
		{"aaaa", "[0 1 2 3]"},       // there is nothing else
		{"aaaab", "[0 1 4 2 3]"},    // b comes before the third a
		{"aaabbc", "[0 1 3 4 2 5]"}, // the best that may come, not the most different
		{"aabaab", "[0 1 2 5 3 4]"},
	} {
		var sources []string
		for _, s := range c.sources {
			sources = append(sources, string(s))
		}
		if got := fmt.Sprint(match.Diverse(sources)); got != c.want {
			t.Errorf("%s: %s, want %s", c.sources, got, c.want)
		}
	}
}

// Nothing is lost, and a source that is held back is so only for others.
func TestDiverseKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sources := rapid.SliceOfN(rapid.StringMatching("[a-d]"), 0, 50).Draw(t, "sources")
		order := match.Diverse(sources)
		sorted := slices.Sorted(slices.Values(order))
		for i := range sorted {
			if sorted[i] != i {
				t.Fatalf("order %v of %d", order, len(sources))
			}
		}
		if len(order) != len(sources) {
			t.Fatalf("order %v of %d", order, len(sources))
		}
		for i := 3; i < len(order); i++ {
			s := sources[order[i]]
			n := 0
			for _, j := range order[i-3 : i] {
				if sources[j] == s {
					n++
				}
			}
			if n < 2 {
				continue
			}
			for _, j := range order[i+1:] {
				m := 0
				for _, k := range order[i-3 : i] {
					if sources[k] == sources[j] {
						m++
					}
				}
				if m < 2 {
					t.Fatalf("%s is at %d in %v though %s could have been", s, i, order, sources[j])
				}
			}
		}
	})
}

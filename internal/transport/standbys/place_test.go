package standbys

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/transport"
)

// Who has most keeps only what is owned by who has least: a third one takes that
// over and gives something of its own.
func TestLoadsAreLevelledByAThird(t *testing.T) {
	running := func(numbers ...int32) Member {
		m := Member{Takes: true, Held: map[int32]transport.Held{}}
		for _, n := range numbers {
			m.Held[n] = transport.Held{Running: true}
		}
		return m
	}
	owner := []int{0, 0, 0, 1, 1, 2, 2, 3, 3, 3}
	got := Place(owner, []Member{running(7, 8, 9), running(0, 5, 6), running(1, 2, 4), running(3)}, 1)
	want := [][]int32{{8, 9}, {5, 6, 7}, {1, 2, 4}, {0, 3}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// However the standbys were placed before, loads differ by one at most where all
// own as many as each other, give or take one, and nothing moves then.
func TestLoadsAreLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := make([]Member, rapid.IntRange(2, 7).Draw(t, "members"))
		owner := make([]int, rapid.IntRange(1, 20).Draw(t, "numbers"))
		for number := range owner {
			owner[number] = number % len(members)
		}
		for i := range members {
			members[i] = Member{Takes: true, Held: map[int32]transport.Held{}}
			for number := range int32(len(owner)) {
				if rapid.Bool().Draw(t, "held") {
					members[i].Held[number] = transport.Held{Running: rapid.Bool().Draw(t, "running")}
				}
			}
		}
		n := rapid.IntRange(1, 3).Draw(t, "standbys")
		placed := Place(owner, members, n)
		load := make([]int, len(members))
		for _, o := range owner {
			load[o]++
		}
		least, most := len(owner)*2, 0
		for i, numbers := range placed {
			load[i] += len(numbers)
			least, most = min(least, load[i]), max(most, load[i])
			members[i].Held = map[int32]transport.Held{}
			for _, number := range numbers {
				members[i].Held[number] = transport.Held{Running: true}
			}
		}
		if most > least+1 {
			t.Fatalf("loads %v", load)
		}
		if again := Place(owner, members, n); !reflect.DeepEqual(again, placed) {
			t.Fatalf("%v became %v", placed, again)
		}
	})
}

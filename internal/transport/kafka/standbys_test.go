package kafka

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/peers"
)

// follow makes of what the members were told what they have when they join next.
func (g *groupModel) follow(t *rapid.T) {
	for _, id := range slices.Sorted(maps.Keys(g.members)) {
		m := g.members[id]
		held := map[int32]transport.Held{}
		for p, h := range m.held { // what is left
			held[p] = transport.Held{Position: h.Position}
		}
		for p := range g.numbers(id) {
			delete(held, p)
		}
		for _, p := range g.told[id] {
			held[p] = transport.Held{Position: 1 + rapid.Int64Range(0, 9).Draw(t, "position"), Running: true}
		}
		m.held = held
	}
}

// numbers are those that a member owns.
func (g *groupModel) numbers(id string) map[int32]bool {
	ns := map[int32]bool{}
	for _, p := range g.members[id].owned["a"] {
		ns[p] = true
	}
	return ns
}

// checkStandbys checks what holds at rest, with n standbys wanted.
func (g *groupModel) checkStandbys(t *rapid.T, n int, parts int32) {
	takers, count, load := 0, map[int32]int{}, []int{}
	for id, m := range g.members {
		told := g.told[id]
		if m.standbys == 0 {
			if len(told) > 0 {
				t.Fatalf("%s is to keep %v, and has no standbys", id, told)
			}
			continue
		}
		takers++
		if !slices.IsSorted(told) || len(slices.Compact(slices.Clone(told))) != len(told) {
			t.Fatalf("%s is told %v", id, told)
		}
		owned := g.numbers(id)
		load = append(load, len(owned)+len(told))
		for _, p := range told {
			if owned[p] {
				t.Fatalf("%s owns %d and is to keep a standby of it", id, p)
			}
			count[p]++
		}
	}
	for id, m := range g.members {
		for p := range g.numbers(id) {
			want := min(n, takers)
			if m.standbys > 0 {
				want = min(n, takers-1)
			}
			if count[p] != want {
				t.Fatalf("%d has %d standbys, want %d: %v", p, count[p], want, g.told)
			}
		}
	}
	if takers == len(g.members) && slices.Max(load)-slices.Min(load) > 1 {
		t.Fatalf("loads from %d to %d with %d members, %d partitions, %d standbys", slices.Min(load), slices.Max(load), takers, parts, n)
	}
}

func TestStandbysArePlaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.Int32Range(1, 16).Draw(t, "partitions")
		n := rapid.IntRange(1, 3).Draw(t, "standbys")
		g := &groupModel{counts: map[string]int32{"a": parts, "b": parts}, members: map[string]*candidate{}}
		old := rapid.Bool().Draw(t, "some are of an older version")
		join := func() {
			id := g.join([]string{"a", "b"})
			if !old || rapid.Bool().Draw(t, "new version") {
				g.members[id].standbys = n
			}
		}
		rest := func() {
			g.settle(t)
			g.follow(t)
		}
		wanted := func() int {
			most := 0
			for _, m := range g.members {
				most = max(most, m.standbys)
			}
			return most
		}
		join()
		rest()
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { g.checkStandbys(t, wanted(), parts) },
			"join": func(t *rapid.T) {
				if len(g.members) > 6 {
					t.Skip("full")
				}
				join()
				rest()
			},
			"leave": func(t *rapid.T) {
				if len(g.members) < 2 {
					t.Skip("the last one")
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(g.members))).Draw(t, "member")
				gone, told := g.numbers(id), maps.Clone(g.told)
				delete(g.members, id)
				had := func(p int32, by string) bool { return slices.Contains(told[by], p) }
				takers := 0
				for _, m := range g.members {
					if m.standbys > 0 {
						takers++
					}
				}
				rest()
				if takers < len(g.members) || n < len(g.members) {
					return
				}
				for by := range g.members { // all have standbys of all
					for p := range g.numbers(by) {
						if gone[p] && !had(p, by) {
							t.Fatalf("%d went to %s, which has no standby of it", p, by)
						}
					}
				}
			},
			"again": func(t *rapid.T) { // nothing changed, nothing moves
				for id, m := range g.members { // all standbys have caught up
					for _, p := range g.told[id] {
						m.held[p] = transport.Held{Position: 10, Running: true}
					}
				}
				before := maps.Clone(g.told)
				g.settle(t)
				if !reflect.DeepEqual(before, g.told) {
					t.Fatalf("%v became %v", before, g.told)
				}
			},
		})
	})
}

// Whoever has the newest state gets what has lost its owner, as far as there is
// room, and who moves something away keeps a standby of it.
func TestStandbysTakeOver(t *testing.T) {
	in := []string{"in"}
	running := func(position int64) transport.Held { return transport.Held{Position: position, Running: true} }
	owned := func(ps ...int32) map[string][]int32 { return map[string][]int32{"in": ps} }
	type m = map[int32]transport.Held
	for _, tt := range []struct {
		name    string
		members []candidate
		parts   int32
		want    []map[string][]int32
		copies  [][]int32
	}{
		{"the newest of two", []candidate{
			{id: "a", topics: in, standbys: 1, owned: owned(0), held: m{2: running(5)}},
			{id: "b", topics: in, standbys: 1, owned: owned(1), held: m{2: running(7)}},
		}, 3, []map[string][]int32{owned(0), owned(1, 2)}, [][]int32{{1, 2}, {0}}},
		{"what is left is better than nothing", []candidate{
			{id: "a", topics: in, standbys: 1},
			{id: "b", topics: in, standbys: 1, held: m{0: {}}},
		}, 2, []map[string][]int32{owned(1), owned(0)}, [][]int32{{0}, {1}}},
		{"one makes room for another", []candidate{
			{id: "a", topics: in, standbys: 1, held: m{0: running(9), 1: running(9)}},
			{id: "b", topics: in, standbys: 1, held: m{0: running(5)}},
		}, 2, []map[string][]int32{owned(1), owned(0)}, [][]int32{{0}, {1}}},
		{"what must move goes where its standby is, and leaves one behind", []candidate{
			{id: "a", topics: in, standbys: 1, owned: owned(0, 1, 2, 3)},
			{id: "b", topics: in, standbys: 1, held: m{0: running(9), 1: running(9)}},
		}, 4, []map[string][]int32{owned(2, 3), owned(0, 1)}, [][]int32{{0, 1}, {2, 3}}},
		{"an older member takes part in the work, not in the standbys", []candidate{
			{id: "new", topics: in, standbys: 2, held: m{}},
			{id: "old", topics: in},
		}, 2, []map[string][]int32{owned(0), owned(1)}, [][]int32{{1}, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, copies := assign(tt.members, map[string]int32{"in": tt.parts})
			if !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(copies, tt.copies) {
				t.Errorf("%v with standbys %v, want %v with %v", got, copies, tt.want, tt.copies)
			}
		})
	}
}

// A partition that moves is a standby on both sides until it has moved: the old
// owner goes on with it, and the new one does not throw away what it has.
func TestStandbysWhilePartitionsMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &groupModel{counts: map[string]int32{"a": 4}, members: map[string]*candidate{}}
		one := g.join([]string{"a"})
		g.members[one].standbys = 1
		g.settle(t)
		two := g.join([]string{"a"})
		g.members[two].standbys = 1
		plan := g.round(t)
		if len(plan[one]["a"]) != 2 || len(plan[two]["a"]) != 0 {
			t.Fatalf("the first round assigns %v", plan)
		}
		var moving []int32
		for p := range int32(4) {
			if !slices.Contains(plan[one]["a"], p) {
				moving = append(moving, p)
			}
		}
		if !slices.Equal(g.told[one], moving) || !slices.Equal(g.told[two], []int32{0, 1, 2, 3}) {
			t.Fatalf("standbys %v while %v move", g.told, moving)
		}
	})
}

func TestUserData(t *testing.T) {
	held := map[int32]transport.Held{0: {}, 3: {Position: 1 << 40, Running: true}, 200: {Position: 7}}
	b := subscriptionData(2, held)
	if n, got, err := readSubscriptionData(b); n != 2 || !maps.Equal(got, held) || err != nil {
		t.Errorf("%d, %v, %v", n, got, err)
	}
	if want := "\x01\x02\x03\x00\x00\x03\x81\x80\x80\x80\x80\x40\xc8\x01\x0e"; string(b) != want {
		t.Errorf("subscription %q, want %q", b, want)
	}
	a := assignmentData([]int32{1, 300})
	if got, err := readAssignmentData(a); !slices.Equal(got, []int32{1, 300}) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if want := "\x01\x02\x01\xac\x02"; string(a) != want {
		t.Errorf("assignment %q, want %q", a, want)
	}
	for _, b := range []string{"", "\x02anything", "\x00"} { // none, and other versions
		if n, held, err := readSubscriptionData([]byte(b)); n != 0 || held != nil || err != nil {
			t.Errorf("%q: %d, %v, %v", b, n, held, err)
		}
	}
	for _, b := range []string{"\x01", "\x01\x01\x02\x00\x00", "\x01\x01\xff\xff\xff\xff\x0f", "\x01\x01\x01\xff\xff\xff\xff\x0f\x00"} {
		if _, _, err := readSubscriptionData([]byte(b)); !errors.Is(err, errUserData) {
			t.Errorf("subscription %q: %v", b, err)
		}
	}
	for _, b := range []string{"\x01", "\x01\x02\x00", "\x01\xff\xff\xff\xff\x0f", "\x01\x01\xff\xff\xff\xff\x0f"} {
		if _, err := readAssignmentData([]byte(b)); !errors.Is(err, errUserData) {
			t.Errorf("assignment %q: %v", b, err)
		}
	}
}

func FuzzUserData(f *testing.F) {
	f.Add(subscriptionData(1, map[int32]transport.Held{3: {Position: 9, Running: true}}))
	f.Add(assignmentData([]int32{1, 2, 70000}))
	w := watched{peers.Peer{Address: "10.0.0.1:7070", Token: peers.Token{1, 2}}, "tx"}
	f.Add(w.append(subscriptionData(0, nil)))
	f.Add(w.append(subscriptionData(2, map[int32]transport.Held{3: {Position: 9}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, held, err := readSubscriptionData(b); err == nil && held != nil {
			n2, again, err := readSubscriptionData(subscriptionData(n, held))
			if err != nil || n2 != n || !maps.Equal(held, again) {
				t.Errorf("%d %v, then %d %v, %v", n, held, n2, again, err)
			}
		}
		if w, err := readWatched(b); err == nil && w.Address != "" {
			if again, err := readWatched(w.append(subscriptionData(0, nil))); err != nil || again != w {
				t.Errorf("%+v, then %+v, %v", w, again, err)
			}
		}
		if numbers, err := readAssignmentData(b); err == nil {
			again, err := readAssignmentData(assignmentData(numbers))
			if err != nil || fmt.Sprint(again) != fmt.Sprint(numbers) {
				t.Errorf("%v, then %v, %v", numbers, again, err)
			}
		}
	})
}

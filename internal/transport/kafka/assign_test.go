package kafka

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/transport"
)

func TestAssign(t *testing.T) {
	in := []string{"in"}
	both := []string{"in", "more"}
	for _, tt := range []struct {
		name    string
		members []candidate
		counts  map[string]int32
		want    []map[string][]int32
	}{
		{"nobody", nil, map[string]int32{"in": 3}, []map[string][]int32{}},
		{"no topic exists", []candidate{{id: "a", topics: in}}, nil, []map[string][]int32{{}}},
		{"alone", []candidate{{id: "a", topics: both}}, map[string]int32{"in": 2, "more": 2},
			[]map[string][]int32{{"in": {0, 1}, "more": {0, 1}}}},
		{"a topic that nobody asked for", []candidate{{id: "a", topics: in}}, map[string]int32{"in": 1, "more": 1},
			[]map[string][]int32{{"in": {0}}}},
		{"a member without topics", []candidate{{id: "a"}, {id: "b", topics: in}}, map[string]int32{"in": 2},
			[]map[string][]int32{{}, {"in": {0, 1}}}},
		{"more members than partitions",
			[]candidate{{id: "a", topics: in, generation: 1}, {id: "b", topics: in, owned: map[string][]int32{"in": {0}}, generation: 1}},
			map[string]int32{"in": 1}, []map[string][]int32{{}, {"in": {0}}}},
		{"a newer claim counts",
			[]candidate{{id: "a", topics: in, owned: map[string][]int32{"in": {0, 1}}, generation: 4},
				{id: "b", topics: in, owned: map[string][]int32{"in": {1}}, generation: 5}},
			map[string]int32{"in": 2}, []map[string][]int32{{"in": {0}}, {"in": {1}}}},
		{"an upgrade adds an input: the old member's numbers of it go to the new one",
			[]candidate{{id: "new", topics: both}, {id: "old", topics: in, owned: map[string][]int32{"in": {0, 1}}}},
			map[string]int32{"in": 2, "more": 2},
			[]map[string][]int32{{"in": {1}, "more": {0, 1}}, {"in": {0}}}},
		{"claims of what does not exist",
			[]candidate{{id: "a", topics: in, owned: map[string][]int32{"in": {-1, 7, 1 << 30}, "gone": {0}}}, {id: "b", topics: in}},
			map[string]int32{"in": 2}, []map[string][]int32{{"in": {1}}, {"in": {0}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := assign(tt.members, tt.counts)
			if !reflect.DeepEqual(got, tt.want) {
				// Which of several good answers it is does not matter here.
				if tt.name != "claims of what does not exist" || len(got[0]["in"]) != 1 || len(got[1]["in"]) != 1 || got[0]["in"][0] == got[1]["in"][0] {
					t.Errorf("%v, want %v", got, tt.want)
				}
			}
		})
	}
}

// groupModel is a group whose members join, leave, miss rebalances and change
// their topics, and which is balanced as Kafka and franz-go do it.
type groupModel struct {
	counts     map[string]int32
	members    map[string]*candidate
	told       map[string][]int32 // by member: of which numbers it is to keep a standby
	generation int32
	joined     int
}

func topicSets(counts map[string]int32) [][]string {
	all := slices.Sorted(maps.Keys(counts))
	return [][]string{all, all, all, all[:1], all[1:]}
}

func (g *groupModel) sorted() (cs []candidate) {
	for _, id := range slices.Sorted(maps.Keys(g.members)) {
		cs = append(cs, *g.members[id])
	}
	return cs
}

// round is one JoinGroup and SyncGroup of the classic protocol with our
// balancer on the leader: what each member has afterwards.
func (g *groupModel) round(t *rapid.T) map[string]map[string][]int32 {
	g.told = map[string][]int32{}
	var joins []kmsg.JoinGroupResponseMember
	for _, c := range g.sorted() {
		joins = append(joins, kmsg.JoinGroupResponseMember{MemberID: c.id,
			ProtocolMetadata: copartitioned{standbys: c.standbys, held: func() map[int32]transport.Held { return c.held }}.
				JoinGroupMetadata(slices.Clone(c.topics), c.owned, c.generation)})
	}
	b, topics, err := copartitioned{}.MemberBalancer(joins)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int32{}
	for topic := range topics {
		counts[topic] = g.counts[topic]
	}
	into, err := b.(kgo.GroupMemberBalancerOrError).BalanceOrError(counts)
	if err != nil {
		t.Fatal(err)
	}
	plan := map[string]map[string][]int32{}
	for _, a := range into.IntoSyncAssignment() {
		if plan[a.MemberID], err = (copartitioned{}).ParseSyncAssignment(a.MemberAssignment); err != nil {
			t.Fatal(err)
		}
		numbers, err := assignmentOf(a.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		g.told[a.MemberID] = numbers
	}
	g.generation++
	return plan
}

// settle rebalances until nobody has to revoke anything.
func (g *groupModel) settle(t *rapid.T) {
	for round := 1; ; round++ {
		before := g.owners(t)
		plan := g.round(t)
		again := false
		for id, m := range g.members {
			for topic, ps := range m.owned { // a revocation makes the member join again
				for _, p := range ps {
					again = again || !slices.Contains(plan[id][topic], p)
				}
			}
			m.owned, m.generation = plan[id], g.generation
		}
		for tp, id := range g.owners(t) { // fails if one has two owners
			if was, ok := before[tp]; ok && was != id && g.members[was] != nil {
				t.Fatalf("%s moved from %s to %s before it was revoked", tp, was, id)
			}
		}
		if !again {
			break
		}
		if round > 3 {
			t.Fatal("does not settle")
		}
	}
}

func (g *groupModel) owners(t *rapid.T) map[string]string {
	owners := map[string]string{}
	for id, m := range g.members {
		for topic, ps := range m.owned {
			for _, p := range ps {
				tp := fmt.Sprintf("%s/%d", topic, p)
				if other, ok := owners[tp]; ok {
					t.Fatalf("%s belongs to %s and %s", tp, other, id)
				}
				owners[tp] = id
			}
		}
	}
	return owners
}

// check checks what holds at rest.
func (g *groupModel) check(t *rapid.T) {
	owners := g.owners(t)
	uniform := true
	var topics []string
	for _, m := range g.members {
		for topic := range m.owned {
			if !slices.Contains(m.topics, topic) {
				t.Fatalf("%s got topic %s, which it did not ask for", m.id, topic)
			}
		}
		uniform = uniform && (topics == nil || slices.Equal(topics, m.topics))
		topics = m.topics
	}
	for topic, n := range g.counts {
		wanted := false
		for _, m := range g.members {
			wanted = wanted || slices.Contains(m.topics, topic)
		}
		for p := range n {
			tp := fmt.Sprintf("%s/%d", topic, p)
			if _, ok := owners[tp]; ok != wanted {
				t.Fatalf("%s: assigned %v, wanted %v", tp, ok, wanted)
			}
			if first := fmt.Sprintf("%s/%d", topics[0], p); uniform && wanted && owners[tp] != owners[first] {
				t.Fatalf("%s is with %s, but %s with %s", tp, owners[tp], first, owners[first])
			}
		}
	}
	if uniform {
		least, most := 1<<30, 0
		for _, m := range g.members {
			least, most = min(least, len(m.owned[topics[0]])), max(most, len(m.owned[topics[0]]))
		}
		if most-least > 1 {
			t.Fatalf("shares from %d to %d", least, most)
		}
	}
}

func (g *groupModel) join(topics []string) string {
	g.joined++
	id := fmt.Sprintf("m%d-%d", g.joined*7919%97, g.joined) // ids are not in the order of joining
	g.members[id] = &candidate{id: id, topics: topics, owned: map[string][]int32{}, generation: -1}
	return id
}

func TestGroupsAreBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(1, 24).Draw(t, "partitions")
		g := &groupModel{counts: map[string]int32{"a": n, "b": n, "c": n}, members: map[string]*candidate{}}
		mixed := rapid.Bool().Draw(t, "mixed")
		topics := func() []string {
			if mixed {
				return rapid.SampledFrom(topicSets(g.counts)).Draw(t, "topics")
			}
			return topicSets(g.counts)[0]
		}
		anyone := func() string {
			return rapid.SampledFrom(slices.Sorted(maps.Keys(g.members))).Draw(t, "member")
		}
		g.join(topics())
		g.settle(t)
		t.Repeat(map[string]func(*rapid.T){
			"": g.check,
			"join": func(t *rapid.T) {
				if len(g.members) > 8 {
					t.Skip("full")
				}
				before := g.owners(t)
				id := g.join(topics())
				g.settle(t)
				if mixed {
					return
				}
				for tp, was := range before {
					if now := g.owners(t)[tp]; now != was && now != id {
						t.Fatalf("%s joined, and %s moved from %s to %s", id, tp, was, now)
					}
				}
				if got := len(g.members[id].owned["a"]); got > int(n)/len(g.members) && got > 1 && len(g.members) > 1 {
					t.Fatalf("%s was given %d of %d: more moved than needed", id, got, n)
				}
			},
			"leave": func(t *rapid.T) {
				if len(g.members) < 2 {
					t.Skip("the last one")
				}
				before, id := g.owners(t), anyone()
				delete(g.members, id)
				g.settle(t)
				if mixed {
					return
				}
				for tp, was := range before {
					if now := g.owners(t)[tp]; now != was && was != id {
						t.Fatalf("%s left, and %s moved from %s to %s", id, tp, was, now)
					}
				}
			},
			"forget": func(t *rapid.T) { // a lost session: it joins with nothing
				g.members[anyone()].owned = map[string][]int32{}
				g.settle(t)
			},
			"again": func(t *rapid.T) { // nothing changed, nothing moves
				if mixed { // it may take some rebalances until numbers are together
					for range len(g.counts) * int(n) {
						g.settle(t)
					}
				}
				before := g.owners(t)
				g.settle(t)
				if !maps.Equal(before, g.owners(t)) {
					t.Fatalf("%v became %v", before, g.owners(t))
				}
			},
		})
	})
}

// TestAssignAnything: whatever members claim, the result is a good one, and it
// does not depend on their order.
func TestAssignAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(1, 12).Draw(t, "partitions")
		counts := map[string]int32{"a": n, "b": n, "c": rapid.Int32Range(0, 14).Draw(t, "others")}
		var members []candidate
		for i := range rapid.IntRange(1, 6).Draw(t, "members") {
			c := candidate{id: fmt.Sprint(i), owned: map[string][]int32{}, generation: rapid.Int32Range(-1, 3).Draw(t, "generation")}
			for _, topic := range []string{"a", "b", "c", "missing"} {
				if rapid.Bool().Draw(t, topic) {
					c.topics = append(c.topics, topic)
				}
				c.owned[topic] = rapid.SliceOfN(rapid.Int32Range(-2, 15), 0, 8).Draw(t, "owned")
			}
			members = append(members, c)
		}
		got, _ := assign(members, counts)
		seen := map[string]bool{}
		wanted := 0
		for topic, count := range counts {
			if slices.ContainsFunc(members, func(c candidate) bool { return slices.Contains(c.topics, topic) }) {
				wanted += int(count)
			}
		}
		for i, topics := range got {
			for topic, ps := range topics {
				if !slices.Contains(members[i].topics, topic) {
					t.Fatalf("member %d got topic %s", i, topic)
				}
				for _, p := range ps {
					tp := fmt.Sprint(topic, p)
					if seen[tp] || p < 0 || p >= counts[topic] {
						t.Fatalf("%s is wrong or assigned twice: %v", tp, got)
					}
					seen[tp] = true
				}
			}
		}
		if len(seen) != wanted {
			t.Fatalf("%d partitions are assigned, of %d", len(seen), wanted)
		}
		slices.Reverse(members)
		back, _ := assign(members, counts)
		slices.Reverse(back)
		if !reflect.DeepEqual(got, back) {
			t.Fatalf("in another order: %v, %v", got, back)
		}
	})
}

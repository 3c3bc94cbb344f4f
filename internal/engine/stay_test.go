package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/partition"
	"github.com/millrace/millrace/internal/transport/memory"
	"github.com/millrace/millrace/pipeline"
)

// closings returns how often each store of a machine was closed.
func (l *lab) closings(machine string) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := map[string]int{}
	for path, c := range l.closes {
		if path[:len(machine)+1] == machine+"/" {
			n[path] = c
		}
	}
	return n
}

// A member joins and leaves. The partitions that stay with another go on with
// the stores that they have, which are neither closed nor opened: goka gets
// leases on them again. Those that move are closed once, and opened once more.
func TestExactlyOncePartitionsThatStayKeepTheirStores(t *testing.T) {
	const partitions = 4
	l := newLab(t, partitions, "in", "out")
	want := map[string]int{}
	send := func() {
		for i := range 40 {
			k := fmt.Sprint("key-", i)
			want[k]++
			l.send("in", k)
		}
	}
	assignments := 0
	services := map[string]*service{"a": l.startWith("a", countAndEmit(), func(c *pipeline.Config) {
		c.Metrics.Rebalanced = func(string, string) { assignments++ }
	})}
	l.until("all with a", func() bool { return len(owners(services)) == partitions })
	opened := l.openings("a")
	for round := range 3 {
		send()
		services["b"] = l.start("b", countAndEmit())
		l.until("two for each", func() bool { return slices.Equal(owners(services), []string{"a/0", "a/1", "b/2", "b/3"}) })
		send()
		l.settled(group, "in")
		if err := services["b"].stop(); err != nil {
			t.Fatal(err)
		}
		delete(services, "b")
		l.until("all with a again", func() bool { return len(owners(services)) == partitions })
		closed := map[string]int{"a/dedupe/state/seen/2": round + 1, "a/dedupe/state/seen/3": round + 1}
		if got := l.closings("a"); !maps.Equal(got, closed) || l.openings("a") != opened+2*(round+1) {
			t.Fatalf("round %d: closed %v, and opened %d stores; want %v and %d", round, got, l.openings("a")-opened, closed, 2*(round+1))
		}
	}
	send()
	l.settled(group, "in")
	l.wantEachOnce(want)
	if err := services["a"].stop(); err != nil {
		t.Fatal(err)
	}
	if assignments < 3 {
		t.Errorf("%d assignments: nothing moved", assignments)
	}
}

// While the last commit of a partition that moves is under way, those that stay
// go on with what was fetched.
func TestExactlyOncePartitionsThatStayGoOn(t *testing.T) {
	l := newLab(t, 2, "in", "out")
	var keys [2]string // by partition
	for i := range 20 {
		k := fmt.Sprint("key-", i)
		keys[partition.Murmur2.Partition([]byte(k), 2)] = k
	}
	handled := make(chan string) // a handler waits until it is seen
	p := pipeline.Process("dedupe")
	state := pipeline.State(p, seen)
	pipeline.Input(p, input, func(ctx *pipeline.Context, _ string) error {
		n, _ := state.Get(ctx)
		state.Set(ctx, n+1)
		handled <- ctx.Key()
		return nil
	})
	topology := pipeline.New("app").From(input).Add(p)
	standbys := func(c *engine.Config) { c.Standbys = 1 } // so that the new member is told of the rebalance
	services := map[string]*service{"a": l.start("a", topology, standbys)}
	l.until("both with a", func() bool { return len(owners(services)) == 2 })
	next := func(what, key string) {
		t.Helper()
		select {
		case k := <-handled:
			if k != key {
				t.Fatalf("%s: handled %s, want %s", what, k, key)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: nothing is handled", what)
		}
	}
	l.SetHook(func(o memory.Op) memory.Verdict {
		return memory.Verdict{Hold: o.Kind == memory.Produce && o.Record.Topic == "seen"}
	})
	l.send("in", keys[1])
	next("before", keys[1]) // its commit waits for an acknowledgement
	const waiting = 200
	l.send("in", slices.Repeat([]string{keys[0]}, waiting)...)
	l.until("all of them are fetched", func() bool { // nothing is, once the revocation has begun
		for _, p := range services["a"].Status().Processors[0].Partitions {
			if p.ID == 0 {
				return p.Lag == waiting
			}
		}
		return false
	})
	next("before", keys[0])
	told := make(chan struct{}, 8)
	services["b"] = l.start("b", topology, standbys, func(c *engine.Config) { c.Metrics.Rebalanced = func(string) { told <- struct{}{} } })
	<-told
	for range waiting - 1 { // some of them after the revocation began
		next("while a partition is revoked", keys[0])
	}
	if got := owners(services); len(got) != 2 || got[0][:1] != "a" || got[1][:1] != "a" {
		t.Fatalf("partitions %q: the revocation did not wait for its commit", got)
	}
	l.SetHook(nil)
	l.Release()
	l.until("one each", func() bool { return slices.Equal(owners(services), []string{"a/0", "b/1"}) })
	l.send("in", keys[0])
	next("the partition that stayed", keys[0])
	l.send("in", keys[1])
	next("the partition that moved", keys[1])
	l.settled(group, "in")
	if got := l.counts(); got[keys[0]] != waiting+1 || got[keys[1]] != 2 {
		t.Errorf("counts %v, want %d of %s and 2 of %s", got, waiting+1, keys[0], keys[1])
	}
}
